package dev.outboard.frames;

/** A ring of empty buffers for the device to fill. One thread owns it; nothing allocates. */
public interface ReceiveRing extends FrameRing {
    /** The length of a frame that came damaged: its buffer is used again, nobody sees it. */
    int DAMAGED = -1;

    /**
     * Adds a buffer. There must be room.
     *
     * @param buffer 0 or more; given back by {@link #take}
     */
    void add(long iova, int lengthBytes, int buffer);

    /** The frame in the buffer that was taken last: its length in bytes, or {@link #DAMAGED}. */
    int takenLength();

    /** What the device found out about it: {@link dev.outboard.driver.net.FrameFacts}. */
    default int takenFacts() {
        return 0;
    }
}
