package dev.outboard.perf.disk;

import dev.outboard.driver.block.BlockService;
import dev.outboard.perf.measure.ClientOptions;

/**
 * A part of a disk in blocks.
 *
 * @param firstBlock the first block, in units of {@code blockBytes}
 * @param blocks how many
 * @param blockBytes their size
 */
record Region(long firstBlock, long blocks, int blockBytes) {
    /**
     * The region that the options {@code offset} and {@code bytes} name.
     *
     * @throws IllegalArgumentException when it is not whole blocks on the disk
     */
    static Region of(ClientOptions options, BlockService disk, int blockBytes, long absentBytes) {
        long capacity = disk.capacityBytes();
        long offset = options.number("offset", 0, 0, Long.MAX_VALUE);
        long rest = Math.max(0, capacity - offset);
        long absent = Math.min(absentBytes, rest) / blockBytes * blockBytes;
        long bytes = options.number("bytes", absent, 1, Long.MAX_VALUE);
        if (offset % blockBytes != 0 || bytes % blockBytes != 0 || bytes > rest || bytes == 0) {
            throw new IllegalArgumentException(
                    ("offset=%d bytes=%d is not a whole number of %d-byte blocks on a disk of"
                                    + " %d bytes")
                            .formatted(offset, bytes, blockBytes, capacity));
        }
        return new Region(offset / blockBytes, bytes / blockBytes, blockBytes);
    }
}
