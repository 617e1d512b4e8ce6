package dev.outboard.iommu;

/**
 * The page in which IOVA and memory are counted: 4 KiB, the smallest that any format translates.
 * Where a format's pages are larger, runs are aligned to them ({@link TableFormat#granuleShift()}).
 */
public final class IoPage {
    /** Bits of an address that lie within a page. */
    public static final int SHIFT = 12;

    /** Bytes of a page. */
    public static final int BYTES = 1 << SHIFT;

    /** Mask of the offset within a page. */
    public static final long OFFSET_MASK = BYTES - 1L;

    private IoPage() {}

    /** How many pages the bytes from {@code address} touch. The sum must not overflow. */
    public static long span(long address, long lengthBytes) {
        return ((address & OFFSET_MASK) + lengthBytes + OFFSET_MASK) >>> SHIFT;
    }
}
