package dev.outboard.frames;

import java.lang.foreign.MemorySegment;

/** A ring of frames for the device to send. One thread owns it; nothing allocates. */
public interface TransmitRing extends FrameRing {
    /** The most parts of a frame that is gathered. */
    int maximumParts();

    /** How many of the {@link #free} places a frame of so many parts takes. */
    int places(int parts);

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
     * Writes what stands before a frame for its device, as many bytes as the driver said. What is
     * there is what was written last, or zero.
     *
     * @param frontOffset where that begins
     */
    default void writeFront(MemorySegment memory, long frontOffset, long offload) {
        // Most devices want nothing before a frame.
    }

    /**
     * Makes the headers of a frame that the device has work with what it expects. The frame is not
     * mapped yet.
     *
     * @param frameOffset where the frame begins
     * @throws IllegalArgumentException if the device cannot say where something is
     */
    default void prepare(MemorySegment memory, long frameOffset, int lengthBytes, long offload) {
        // Most devices take them as they are.
    }

    /**
     * Checks a frame that the device has work with and whose headers nobody can change.
     *
     * @throws UnsupportedOperationException if they would have to be
     * @throws IllegalArgumentException if the device cannot say where something is
     */
    default void checkPosted(int lengthBytes, long offload) {
        // Most devices take them as they are.
    }
}
