package dev.outboard.nvme;

import dev.outboard.dma.DmaMemory;
import dev.outboard.driver.block.BlockService;
import java.util.concurrent.TimeUnit;

/**
 * What requests may be, by this driver and by the controller.
 *
 * @param entries of a ring
 * @param requestBytes the longest transfer
 * @param takesSgl whether data is named by an SGL, else by PRP
 * @param timeoutNanos how long a request may take before it is aborted
 */
record NvmeLimits(
        int entries,
        int requestBytes,
        boolean hasWriteCache,
        boolean canWriteZeroes,
        boolean takesSgl,
        long timeoutNanos) {
    /** The power of two of a sector's bytes. */
    static final int SECTOR_SHIFT = Integer.numberOfTrailingZeros(BlockService.SECTOR_BYTES);

    /** What one request may move at most: bounds its mapping, and its list of pages. */
    static final int MOST_REQUEST_BYTES = 1 << 20;

    /** What a command of no data may cover: its count of blocks has 16 bits. */
    private static final int MOST_BLOCKS = 1 << 16;

    private static final int MOST_ENTRIES = 256;
    private static final long TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(10);

    static NvmeLimits of(ControllerIdentity identity, int mostEntries, boolean mayUseSgl) {
        return new NvmeLimits(
                Math.min(mostEntries, MOST_ENTRIES),
                Math.min(identity.maximumTransferBytes(), MOST_REQUEST_BYTES),
                identity.hasWriteCache(),
                identity.canWriteZeroes(),
                mayUseSgl && identity.takesSgl(),
                TIMEOUT_NANOS);
    }

    /** Refuses a transfer that is not of whole blocks on the disk, or too long. */
    void check(Namespace namespace, long sector, int lengthBytes) {
        if (lengthBytes > requestBytes) {
            throw new IllegalArgumentException(
                    "sector=%d lengthBytes=%d: reads and writes are of at most %d"
                            .formatted(sector, lengthBytes, requestBytes));
        }
        checkRange(namespace, sector, lengthBytes);
    }

    void checkWriteZeroes(Namespace namespace, long sector, int lengthBytes) {
        if (!canWriteZeroes || lengthBytes >>> namespace.blockShift() > MOST_BLOCKS) {
            throw new IllegalArgumentException(
                    "sector=%d lengthBytes=%d: %s"
                            .formatted(
                                    sector,
                                    lengthBytes,
                                    canWriteZeroes
                                            ? "zeroes are of at most 65,536 blocks"
                                            : "the controller cannot write zeroes by itself"));
        }
        checkRange(namespace, sector, lengthBytes);
    }

    private static void checkRange(Namespace namespace, long sector, int lengthBytes) {
        int blockBytes = 1 << namespace.blockShift();
        long start = sector << SECTOR_SHIFT;
        if (lengthBytes <= 0 || lengthBytes % blockBytes != 0 || start % blockBytes != 0) {
            throw new IllegalArgumentException(
                    "sector=%d lengthBytes=%d: requests are whole blocks of %d"
                            .formatted(sector, lengthBytes, blockBytes));
        }
        if (sector < 0
                || sector > namespace.capacityBytes() >>> SECTOR_SHIFT
                || lengthBytes > namespace.capacityBytes() - start) {
            throw new IllegalArgumentException(
                    "sector=%d lengthBytes=%d is not on the disk: capacityBytes=%d"
                            .formatted(sector, lengthBytes, namespace.capacityBytes()));
        }
    }

    /** Refuses what is not in the memory, or begins at an odd address. */
    void check(DmaMemory memory, long offsetBytes, int lengthBytes) {
        if (offsetBytes < 0
                || offsetBytes > memory.lengthBytes() - lengthBytes
                || offsetBytes % Integer.BYTES != 0) {
            throw new IllegalArgumentException(
                    "offsetBytes=%d lengthBytes=%d is not in the memory, in words of 4:"
                                    .formatted(offsetBytes, lengthBytes)
                            + " lengthBytes="
                            + memory.lengthBytes());
        }
    }
}
