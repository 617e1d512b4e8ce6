package dev.outboard.frames;

import java.lang.foreign.MemorySegment;

/** A ring of empty buffers for the device to fill. One thread owns it; nothing allocates. */
public interface ReceiveRing extends FrameRing {
    /** The length of a frame that came damaged: its buffer is used again, nobody sees it. */
    int DAMAGED = -1;

    /** Of a frame that {@link #open} is to be asked about. */
    int NOT_PLAIN = -1;

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

    /** How many places {@link #readFront} is told of; asked for once, before the start. */
    default void reserve(int places) {
        // Nothing is kept.
    }

    /**
     * Reads what the device wrote before a frame, now that it reaches the buffer no more: once, and
     * what is said of the frame from here on is of that copy.
     *
     * @param place where it is kept until another is read for that place
     * @param taken what the buffer was taken with
     * @param frontOffset where it begins; of a buffer that goes on of the frame before, too
     * @return what is known of the frame where it lies in this buffer alone and nothing is left
     *     undone in it, which is most of the time; otherwise {@link #NOT_PLAIN}
     */
    default int readFront(int place, int taken, MemorySegment memory, long frontOffset) {
        return taken;
    }

    /**
     * Turns to a frame that is not plain, whose front is kept at this place.
     *
     * @return in how many buffers the frame lies, this one the first of them; as hostile as it came
     */
    default int open(int place) {
        return 1;
    }

    /**
     * What the device found out about the frame that was opened last: {@link
     * dev.outboard.driver.net.FrameFacts}.
     */
    default int openedFacts() {
        return 0;
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
