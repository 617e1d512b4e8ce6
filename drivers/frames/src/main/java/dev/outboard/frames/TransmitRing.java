package dev.outboard.frames;

import java.lang.foreign.MemorySegment;

/** A ring of frames for the device to send. One thread owns it; nothing allocates. */
public interface TransmitRing extends FrameRing {
    /** The most parts of a frame that is gathered. */
    int maximumParts();

    /** Whether a frame of so many parts can be added now. */
    boolean hasRoom(int parts);

    /**
     * Adds a frame of one part. There must be room.
     *
     * @param buffer 0 or more; given back by {@link #take}
     * @param offload {@link dev.outboard.driver.net.FrameOffload}; 0 for nothing
     */
    void add(long iova, int lengthBytes, int buffer, long offload);

    /** Names a part of the frame that {@link #add(int, long)} completes. */
    void part(long iova, int lengthBytes);

    /** Adds the parts as one frame. There must be room. */
    void add(int buffer, long offload);

    /**
     * Writes what stands before a frame for its device, and makes the frame's headers what the
     * device expects. The buffer is not mapped yet.
     *
     * @param frameOffset where the frame begins; what stands before it ends there
     */
    default void prepare(MemorySegment memory, long frameOffset, int lengthBytes, long offload) {
        // Most devices want nothing before a frame.
    }
}
