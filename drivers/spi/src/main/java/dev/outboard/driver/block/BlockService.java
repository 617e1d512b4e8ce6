package dev.outboard.driver.block;

import dev.outboard.driver.Service;

/** A disk. */
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

    /** How many queues there are. */
    int queueCount();

    /** A queue; one thread owns it. */
    BlockQueue queue(int index);
}
