package dev.outboard.iommu;

/**
 * The memory of a hashed table, and the entry in it: four words, little-endian.
 *
 * <pre>
 *  63      53 52 51 50 49                       12 11   9 8   7  6   5  4    2  1   0
 * ┌──────────┬──┬─────┬────────────────────────────┬──────┬──────┬───┬───┬──────┬───┬───┐
 * │ software │ed│ res.│   page frame (38 bits)     │  ar  │  pl  │ d │ a │  ma  │rv │ p │  +0
 * ├──────────┴──┴─────┴─┬──────────────────────────┴──────┴───┬──┴───┴───┴──────┼───┴───┤
 * │ reserved      63:32 │ key                            31:8 │ page size   7:2 │  rv   │  +8
 * ├────┬────────────────┴─────────────────────────────────────┴─────────────────┴───────┤
 * │ ti │ tag                                                                       62:0 │ +16
 * ├────┴────────────────────────────────────────────────────────────────────────────────┤
 * │ software: how often the entry was written, times two; odd while it is               │ +24
 * └─────────────────────────────────────────────────────────────────────────────────────┘
 *
 *   memory:  sizes in use, 4 KiB │ sets of four entries, by hash │ one entry for each page
 * </pre>
 *
 * <p>Source: Intel Itanium Architecture Software Developer's Manual, volume 2, section 4.1.5 (long
 * format), table 4-2 (access rights); the tag is that of the original Itanium: page number,
 * exclusive or region from bit 39.
 */
final class VhptDescriptor {
    /** One bit for the order of each page size that was ever mapped. */
    static final long SIZES_OFFSET = 0;

    /** Where the sets begin. */
    static final long SETS_OFFSET = IoPage.BYTES;

    static final int WAYS = 4;
    static final int ENTRY_BYTES = 32;
    static final int SET_BYTES = WAYS * ENTRY_BYTES;

    static final int PTE_OFFSET = 0;
    static final int ITIR_OFFSET = 8;
    static final int TAG_OFFSET = 16;
    static final int VERSION_OFFSET = 24;

    static final long PRESENT = 1;
    static final long ACCESSED = 1 << 5;
    static final long DIRTY = 1 << 6;
    static final int PRIVILEGE_SHIFT = 7;
    static final long PRIVILEGE_MASK = 3;
    static final int RIGHTS_SHIFT = 9;
    static final int RIGHTS_MASK = 7;
    static final int FRAME_SHIFT = 12;
    static final int FRAME_BITS = 38;

    /** Bit 53, the first that is left to software: reading is denied. */
    static final long READ_DENIED = 1L << 53;

    static final int PAGE_SIZE_SHIFT = 2;
    static final int PAGE_SIZE_MASK = 0x3f;

    /** Where the region is in a tag; here a region is a page size. */
    static final int REGION_SHIFT = 39;

    /** Bit 63 of a tag: the entry is invalid. */
    static final long TAG_INVALID = Long.MIN_VALUE;

    private VhptDescriptor() {}
}
