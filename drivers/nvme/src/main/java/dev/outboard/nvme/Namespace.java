package dev.outboard.nvme;

import dev.outboard.driver.DeviceException;
import dev.outboard.driver.block.BlockService;

/**
 * A namespace as the controller describes it, checked. Any thread: its size may change while it is
 * used, all else stays as it was found.
 */
final class Namespace {
    /** The power of two of a sector's bytes. */
    static final int SECTOR_SHIFT = Integer.numberOfTrailingZeros(BlockService.SECTOR_BYTES);

    /** What write zeroes may cover: its count of blocks has 16 bits. */
    private static final long MOST_ZEROED_BLOCKS = 1 << 16;

    /** What a range of dataset management may cover: its count has 32 bits. */
    private static final long MOST_DISCARDED_BLOCKS = 0xffff_ffffL;

    private static final int LEAST_SHIFT = 9;
    private static final int MOST_SHIFT = 16;

    private final int id;
    private final int blockShift;
    private final boolean isReadOnly;
    private final long boundaryBytes;

    /** Written by the thread that hears of changes. */
    private volatile long capacityBytes;

    private Namespace(
            int id, int blockShift, long capacityBytes, boolean isReadOnly, long boundaryBytes) {
        this.id = id;
        this.blockShift = blockShift;
        this.capacityBytes = capacityBytes;
        this.isReadOnly = isReadOnly;
        this.boundaryBytes = boundaryBytes;
    }

    /**
     * @throws DeviceException if it is one that this driver cannot use: with metadata, with blocks
     *     of a strange size, or of no size at all
     */
    static Namespace of(String device, int id, IdentifyPage page) {
        long blocks = page.u64(IdentifyDescriptor.BLOCKS);
        int format = page.u8(IdentifyDescriptor.FORMAT) & IdentifyDescriptor.FORMAT_MASK;
        int layout =
                page.u32(IdentifyDescriptor.FORMATS + IdentifyDescriptor.FORMAT_BYTES * format);
        int metadata = layout & 0xffff;
        int shift = layout >>> 16 & 0xff;
        int protection =
                page.u8(IdentifyDescriptor.PROTECTION) & IdentifyDescriptor.PROTECTION_MASK;
        if (metadata != 0 || protection != 0) {
            throw new DeviceException(
                    ("namespace %d of device %s has blocks with %d bytes of metadata and protection"
                                    + " of type %d: format it without (nvme format --lbaf)")
                            .formatted(id, device, metadata, protection));
        }
        if (shift < LEAST_SHIFT || shift > MOST_SHIFT) {
            throw new DeviceException(
                    "namespace %d of device %s has blocks of 2^%d bytes: 2^%d to 2^%d can be used"
                            .formatted(id, device, shift, LEAST_SHIFT, MOST_SHIFT));
        }
        if (blocks <= 0 || blocks > Long.MAX_VALUE >>> shift) {
            throw new DeviceException(
                    "namespace %d of device %s claims %s blocks"
                            .formatted(id, device, Long.toUnsignedString(blocks)));
        }
        int attributes = page.u8(IdentifyDescriptor.ATTRIBUTES);
        return new Namespace(
                id,
                shift,
                blocks << shift,
                (attributes & IdentifyDescriptor.ATTRIBUTES_PROTECTED) != 0,
                (long) page.u16(IdentifyDescriptor.BOUNDARY) << shift);
    }

    int id() {
        return id;
    }

    /** The power of two of its blocks' bytes. */
    int blockShift() {
        return blockShift;
    }

    int blockBytes() {
        return 1 << blockShift;
    }

    long capacityBytes() {
        return capacityBytes;
    }

    boolean isReadOnly() {
        return isReadOnly;
    }

    long boundaryBytes() {
        return boundaryBytes;
    }

    long mostZeroedBytes() {
        return MOST_ZEROED_BLOCKS << blockShift;
    }

    long mostDiscardedBytes() {
        return MOST_DISCARDED_BLOCKS << blockShift;
    }

    /**
     * Takes over the size of what it is now.
     *
     * @return whether it is another
     * @throws DeviceException if its blocks are others, too: then it is gone for good
     */
    boolean become(String device, Namespace now) {
        if (now.blockShift != blockShift) {
            capacityBytes = 0;
            throw new DeviceException(
                    ("namespace %d of device %s was formatted anew, in blocks of %d where they were"
                                    + " of %d: start its driver again")
                            .formatted(id, device, now.blockBytes(), blockBytes()));
        }
        boolean isOther = capacityBytes != now.capacityBytes;
        capacityBytes = now.capacityBytes;
        return isOther;
    }

    /** It was detached, or deleted: nothing can be read or written any more. */
    void vanish() {
        capacityBytes = 0;
    }

    /** Where a sector's block is; whole blocks have been checked. */
    long block(long sector) {
        return sector >>> blockShift - SECTOR_SHIFT;
    }

    /**
     * Refuses what is no range of whole blocks of it.
     *
     * @throws IllegalArgumentException which says why
     */
    void check(long sector, long lengthBytes, long mostBytes) {
        long capacity = capacityBytes;
        // One test of the bits that have to be zero, and none that overflows.
        long odd = (lengthBytes | sector << SECTOR_SHIFT) & (1L << blockShift) - 1;
        if (odd != 0
                || lengthBytes <= 0
                || lengthBytes > mostBytes
                || sector < 0
                || sector > capacity >>> SECTOR_SHIFT
                || lengthBytes > capacity - (sector << SECTOR_SHIFT)) {
            throw refusal(sector, lengthBytes, mostBytes, odd != 0, capacity);
        }
    }

    private IllegalArgumentException refusal(
            long sector, long lengthBytes, long mostBytes, boolean isOdd, long capacity) {
        String asked = "sector=%d lengthBytes=%d".formatted(sector, lengthBytes);
        if (isOdd || lengthBytes <= 0) {
            return new IllegalArgumentException(
                    asked + ": requests are whole blocks of " + blockBytes());
        }
        if (lengthBytes > mostBytes) {
            return new IllegalArgumentException(
                    asked + ": such requests are of at most %d bytes".formatted(mostBytes));
        }
        return new IllegalArgumentException(
                asked + " is not on the disk: capacityBytes=" + capacity);
    }

    void checkWritable() {
        if (isReadOnly) {
            throw new IllegalArgumentException("namespace " + id + " is write-protected");
        }
    }
}
