package dev.outboard.driver.net;

import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.ScatterGatherList;
import java.lang.foreign.MemorySegment;
import java.util.function.LongFunction;

/**
 * Frames on their way to the device, without a copy: the client writes a frame where the device
 * will read it.
 *
 * <pre>
 *   claim ──► write memory() at offset(buffer) ──► commit ──► … ──► flush ──► the device
 *     ▲                                                                          │
 *     └──────────────────────────── reclaimed by flush and claim ◄───────────────┘
 * </pre>
 *
 * <p>One thread owns the queue. Nothing allocates. Frames are mapped, published and announced by
 * {@code flush}: one request to the mapping service and at most one doorbell a batch.
 */
public interface TransmitQueue extends FrameQueue {
    /** There is no free buffer: flush, then wait. */
    int NONE = -1;

    /** Takes a free buffer, or {@link #NONE}. */
    int claim();

    /** The memory that all buffers of this queue are in. */
    MemorySegment memory();

    /** Where in {@link #memory} a claimed buffer's frame starts, in bytes. */
    long offset(int buffer);

    /** The longest frame that a buffer holds, in bytes. */
    int capacityBytes();

    /**
     * Says that a claimed buffer holds a frame; it belongs to the queue from here on.
     *
     * @throws IllegalArgumentException when the length is not 14 to {@link #capacityBytes} bytes
     */
    void commit(int buffer, int lengthBytes);

    /**
     * The same, for a frame that the device has work with.
     *
     * @param offload {@link FrameOffload}, of what {@link NetworkService#offloads} says
     * @throws UnsupportedOperationException if the device cannot
     */
    default void commit(int buffer, int lengthBytes, long offload) {
        refuse(offload);
        commit(buffer, lengthBytes);
    }

    private static void refuse(long offload) {
        if (offload != FrameOffload.NONE) {
            throw new UnsupportedOperationException(
                    "this device cannot do that to a frame: offload=0x%x".formatted(offload));
        }
    }

    /** Gives a claimed buffer back unused. */
    void abandon(int buffer);

    /**
     * Adds a frame of the caller's own DMA memory, gathered by the device, to what the next {@link
     * #flush} hands over: no copy. The parts belong to the device until {@link #pending} is 0
     * again; the list may be used for another frame at once.
     *
     * @return false where the queue is full: flush, then wait
     */
    boolean transmit(ScatterGatherList frame);

    /**
     * Adds a frame whose headers are in a claimed buffer, and what follows them in the caller's own
     * DMA memory, to what the next {@link #flush} hands over: for a frame that the device cuts into
     * segments, which is longer than a buffer. The buffer comes back by itself, and what follows
     * with it; the list may be used for another frame at once.
     *
     * @param headersBytes of the buffer, from {@link #offset} on
     * @return false where the queue is full: the buffer is still claimed; flush, then wait
     * @throws UnsupportedOperationException if the device cannot
     */
    default boolean transmit(
            int buffer, int headersBytes, ScatterGatherList payload, long offload) {
        throw new UnsupportedOperationException("this device gathers no frame with headers");
    }

    /**
     * Adds a frame of the caller's own DMA memory, in one part, to what the next {@link #flush}
     * hands over: no copy. Once the device reaches the memory no more, the listener hears the
     * token.
     *
     * @param physicalAddress where the frame starts; it lies in one page, or in physically
     *     contiguous ones
     * @param lengthBytes 14 or more
     * @param offload {@link FrameOffload}; what it names lies in the frame
     * @param token 0 or more
     * @return false where the queue is full: flush, then wait
     */
    default boolean post(long physicalAddress, int lengthBytes, long offload, int token) {
        throw new UnsupportedOperationException("this queue sends from its own buffers only");
    }

    /**
     * The same for a frame in several parts.
     *
     * @param frame its parts are unchanged until the listener hears the token; the list itself may
     *     be used for another frame at once
     */
    default boolean post(ScatterGatherList frame, long offload, int token) {
        throw new UnsupportedOperationException("this queue sends from its own buffers only");
    }

    /** Who hears of posted frames; set before the first is posted. */
    default void onSent(SentListener listener) {
        throw new UnsupportedOperationException("this queue sends from its own buffers only");
    }

    /**
     * Hands every committed frame to the device and takes back the buffers it is done with.
     *
     * @return how many frames were handed over; fewer than were committed when no IOVA was left,
     *     and the rest stay committed
     */
    int flush();

    /**
     * Moves the buffers to other memory, and gives back what they were in: because memory has come,
     * or is wanted back ({@link dev.outboard.driver.ClientContext#memoryChanges}). What is claimed,
     * committed or with the device has to come back first: claim nothing, and try again.
     *
     * @param allocator gives pages, as {@code context::allocate}
     * @return false if some buffer is not free, and nothing was changed
     * @throws dev.outboard.dma.OutOfDmaMemoryException if it gives none; nothing was changed
     */
    default boolean move(LongFunction<DmaMemory> allocator) {
        return true;
    }

    /** Frames committed, posted or with the device. Takes back what the device is done with. */
    int pending();

    /**
     * Waits until the device has finished some frames.
     *
     * @return false when the time was up
     * @throws dev.outboard.driver.DeviceLostException when the device went away
     */
    boolean await(long timeoutNanos);

    /** Frames the device has finished since the start. */
    long frames();

    /** Doorbells rung since the start. */
    long doorbells();
}
