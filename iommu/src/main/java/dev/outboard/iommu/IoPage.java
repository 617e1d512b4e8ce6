package dev.outboard.iommu;

/**
 * The page that an entry translates: 4 KiB in every TCE format (Price of Safety, section 1.1.2).
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
