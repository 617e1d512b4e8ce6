package dev.outboard.driver.net;

import java.lang.foreign.MemorySegment;

/**
 * A frame as it came: in one part, or in several where it is longer than a buffer. The queue's own
 * view, moved from frame to frame: only for the time of the call that it is shown in. The queue's
 * thread.
 */
public interface ReceivedFrame {
    /** The whole frame's length, in bytes. */
    int lengthBytes();

    /** In how many parts it lies; 1 or more. */
    int parts();

    /** What holds a part. */
    MemorySegment memory(int part);

    /** Where in that memory the part starts, in bytes. */
    long offset(int part);

    /** How long the part is, in bytes. */
    int lengthBytes(int part);

    /** What the device found out about it: {@link FrameFacts}. */
    int facts();

    /**
     * What is left undone in it, in the terms of {@link FrameOffload}: a checksum that only its
     * pseudo header is of, segments put together to one. Only of the kinds that the client takes
     * ({@link dev.outboard.driver.Client#receiveOffloads}); as hostile as the frame itself, but for
     * its offsets, which are inside the frame.
     */
    long offload();

    /**
     * Where a part starts in physical memory, so that it can be posted again without a copy: its
     * memory is of this driver's.
     *
     * @throws UnsupportedOperationException if the queue's buffers are not memory of a device's
     */
    default long physicalAddress(int part) {
        throw new UnsupportedOperationException("these buffers are not DMA memory");
    }

    /**
     * What names a part's buffer: for {@link ReceiveQueue#release}, or the number that its buffer
     * was supplied with.
     */
    default int token(int part) {
        return part;
    }

    /** Whether a part lies in a buffer that the client has supplied: it is the client's again. */
    default boolean isSupplied(int part) {
        return false;
    }

    /**
     * Keeps the frame beyond this call: each part stays the client's until its token was given to
     * {@link ReceiveQueue#release}. Buffers that are kept are not there to receive into.
     *
     * @throws UnsupportedOperationException if the queue lends its buffers for the call only
     */
    default void keep() {
        throw new UnsupportedOperationException("this queue lends its buffers for a call only");
    }
}
