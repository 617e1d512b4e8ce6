package dev.outboard.driver.net;

import java.lang.foreign.MemorySegment;

/** Receives frames. */
@FunctionalInterface
public interface FrameHandler {
    /**
     * A frame came. The memory is the queue's again when this returns.
     *
     * @param memory what holds the frame
     * @param offset where in it the frame starts, in bytes
     * @param lengthBytes how long the frame is
     */
    void onFrame(MemorySegment memory, long offset, int lengthBytes);

    /**
     * The same, with what the device found out about the frame; queues call this one.
     *
     * @param facts {@link FrameFacts}
     */
    default void onFrame(MemorySegment memory, long offset, int lengthBytes, int facts) {
        onFrame(memory, offset, lengthBytes);
    }
}
