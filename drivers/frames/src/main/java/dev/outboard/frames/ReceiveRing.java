package dev.outboard.frames;

import java.lang.foreign.MemorySegment;

/** A ring of empty buffers for the device to fill. One thread owns it; nothing allocates. */
public interface ReceiveRing extends FrameRing {
    /** The length of a frame that came damaged: its buffer is used again, nobody sees it. */
    int DAMAGED = -1;

    /** The offload of a frame whose offload makes no sense: nobody sees it. */
    long NONSENSE = -1;

    /** Whether {@link #stop} and {@link #restart} can be asked for. */
    default boolean isRestartable() {
        return false;
    }

    /** Takes the ring back: when this returns the device has no buffer, and nothing is in it. */
    default void stop() {
        throw new UnsupportedOperationException("this device gives no single ring back");
    }

    /** Hands it to the device again, with what was added since. */
    default void restart() {
        throw new UnsupportedOperationException("this device gives no single ring back");
    }

    /** The most buffers that a frame lies in. */
    default int maximumBuffers() {
        return 1;
    }

    /**
     * Adds a buffer. There must be room.
     *
     * @param buffer 0 or more; given back by {@link #take}
     */
    void add(long iova, int lengthBytes, int buffer);

    /**
     * What the device wrote into the buffer that was taken last: its length in bytes, with what
     * stands before a frame, or {@link #DAMAGED}.
     */
    int takenLength();

    /** What the device found out about it: {@link dev.outboard.driver.net.FrameFacts}. */
    default int takenFacts() {
        return 0;
    }

    /**
     * Reads what the device wrote before a frame, now that it reaches the buffer no more: once, and
     * what is said of the frame from here on is of that copy.
     *
     * @param frontOffset where that begins
     * @return in how many buffers the frame lies, this one the first of them; as hostile as it came
     */
    default int open(MemorySegment memory, long frontOffset) {
        return 1;
    }

    /**
     * What the device found out about the frame that was opened last.
     *
     * @param taken what it was taken with
     */
    default int openedFacts(int taken) {
        return taken;
    }

    /**
     * What is left undone in the frame that was opened last, or {@link #NONSENSE}.
     *
     * @param frameOffset where its first part begins
     * @param partBytes how long that is; what the offload names lies in it
     */
    default long openedOffload(
            MemorySegment memory, long frameOffset, int partBytes, int frameBytes) {
        return 0;
    }
}
