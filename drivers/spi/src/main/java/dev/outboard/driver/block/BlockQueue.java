package dev.outboard.driver.block;

import dev.outboard.dma.DmaMemory;

/**
 * Requests to a disk, asynchronous, straight from and into the caller's DMA memory. One thread owns
 * the queue; nothing allocates.
 *
 * <p>Requests are prepared one by one and announced together by {@link #submit}. A request's memory
 * belongs to the device until its completion was handled. The order in which the device works is
 * its own: a write is durable when a flush that was submitted after its completion has completed.
 */
public interface BlockQueue {
    /** How many requests can be under way at once. */
    int depth();

    /** Requests that can be prepared now. */
    int free();

    /**
     * Prepares a read.
     *
     * @param sector the first sector of 512 bytes
     * @param offsetBytes where in {@code target} it goes
     * @param lengthBytes how much; a multiple of the device's block
     * @param tag given back with the completion
     * @return false where no request or no IOVA is free: poll, then try again
     * @throws IllegalArgumentException when the range is not on the disk, in the memory, or aligned
     */
    boolean read(long sector, DmaMemory target, long offsetBytes, int lengthBytes, long tag);

    /** Prepares a write; as {@link #read}. Refused with an exception on a read-only disk. */
    boolean write(long sector, DmaMemory source, long offsetBytes, int lengthBytes, long tag);

    /** Prepares a flush of the device's write cache. A disk without one completes it at once. */
    boolean flush(long tag);

    /**
     * Prepares to have blocks read as zeroes from then on, without any data being moved.
     *
     * @param lengthBytes a multiple of the device's block, at most {@link
     *     BlockService#maximumZeroesBytes}
     * @return false where no request is free: poll, then try again
     * @throws UnsupportedOperationException where that maximum is 0
     * @throws IllegalArgumentException when the range is not on the disk, too long, or not aligned
     */
    default boolean writeZeroes(long sector, long lengthBytes, long tag) {
        throw new UnsupportedOperationException(
                "the disk cannot write zeroes by itself: write a buffer of zeroes");
    }

    /**
     * Prepares to tell the disk that nobody wants the content of some blocks any more: what they
     * read as afterwards is not known, until they are written. The disk may ignore it.
     *
     * @param lengthBytes a multiple of the device's block, at most {@link
     *     BlockService#maximumDiscardBytes}
     * @return false where no request is free: poll, then try again
     * @throws UnsupportedOperationException where that maximum is 0
     * @throws IllegalArgumentException when the range is not on the disk, too long, or not aligned
     */
    default boolean discard(long sector, long lengthBytes, long tag) {
        throw new UnsupportedOperationException("the disk does not take back unused blocks");
    }

    /** Announces what was prepared. */
    void submit();

    /**
     * Gives completions to the handler.
     *
     * @return how many there were
     * @throws dev.outboard.driver.DeviceException when the device broke the protocol
     */
    int poll(CompletionHandler handler, int limit);

    /**
     * Waits until a completion is there.
     *
     * @return false when the time was up
     * @throws dev.outboard.driver.DeviceLostException when the device went away
     */
    boolean await(long timeoutNanos);

    /** Requests under way. */
    int pending();
}
