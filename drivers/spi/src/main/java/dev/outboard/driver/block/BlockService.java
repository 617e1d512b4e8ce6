package dev.outboard.driver.block;

import dev.outboard.driver.Service;
import java.util.List;

/**
 * A disk. A device with several (the namespaces of an NVMe controller) gives the first of them as
 * the service, and all of them as its {@link #disks}.
 *
 * <pre>
 *              queue 0      queue 1          each column has one thread: what is submitted, polled
 *   disk 0   queue(0) ─┐  queue(1) ─┐        or awaited on a queue of one disk, is so on the same
 *   disk 1   queue(0) ─┴► queue(1) ─┴►       queue of all others, and their tags come together
 * </pre>
 */
public interface BlockService extends Service {
    /** The unit of addresses and lengths, whatever the device's own block size. */
    int SECTOR_BYTES = 512;

    /** The size of the disk in bytes. */
    long capacityBytes();

    /** The smallest unit the device reads and writes, in bytes; a multiple of the sector. */
    int blockBytes();

    /** Whether writes are refused. */
    boolean isReadOnly();

    /** Whether the device has a cache that {@link BlockQueue#flush} empties. */
    boolean hasWriteCache();

    /** The longest read or write that is one request, in bytes. */
    int maximumRequestBytes();

    /** The longest {@link BlockQueue#writeZeroes}, in bytes; 0 where the disk cannot. */
    default long maximumZeroesBytes() {
        return 0;
    }

    /** The longest {@link BlockQueue#discard}, in bytes; 0 where the disk cannot. */
    default long maximumDiscardBytes() {
        return 0;
    }

    /**
     * Requests that cross a multiple of this many bytes are slower than two that do not; 0 where
     * the device says nothing of the kind.
     */
    default long boundaryBytes() {
        return 0;
    }

    /** The disks behind the same device, this one among them, in the device's order. */
    default List<? extends BlockService> disks() {
        return List.of(this);
    }

    /** How many queues there are. */
    int queueCount();

    /** A queue; one thread owns it. */
    BlockQueue queue(int index);
}
