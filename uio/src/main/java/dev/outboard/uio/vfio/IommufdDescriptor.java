package dev.outboard.uio.vfio;

/**
 * Numbers and layouts of iommufd, in the byte order of the processor.
 *
 * <pre>
 *   destroy      00 size u32   04 id u32
 *   allocate     00 size u32   04 flags u32   08 address space u32, an answer
 *   ranges       00 size u32   04 space u32   08 count u32   0c 0
 *                10 list u64 of { first u64, last u64 }      18 alignment u64, an answer
 *   map          00 size u32   04 flags u32   08 space u32   0c 0
 *                10 here u64   18 length u64  20 IOVA u64
 *   unmap        00 size u32   04 space u32   08 IOVA u64    10 length u64, and so many were
 * </pre>
 *
 * <p>Source: linux/iommufd.h.
 */
final class IommufdDescriptor {
    /** {@code _IO(';', 0x80)}. */
    private static final int BASE = ';' << 8 | 0x80;

    static final int DESTROY = BASE;
    static final int SPACE_ALLOCATE = BASE + 1;
    static final int SPACE_RANGES = BASE + 4;
    static final int SPACE_MAP = BASE + 5;
    static final int SPACE_UNMAP = BASE + 6;

    static final int ALLOCATE_BYTES = 12;
    static final int ALLOCATE_SPACE = 8;

    static final int RANGES_BYTES = 32;
    static final int RANGES_SPACE = 4;
    static final int RANGES_COUNT = 8;
    static final int RANGES_LIST = 16;
    static final int RANGES_ALIGNMENT = 24;
    static final int RANGE_BYTES = 16;

    static final int MAP_BYTES = 40;
    static final int MAP_SPACE = 8;
    static final int MAP_HERE = 16;
    static final int MAP_LENGTH = 24;
    static final int MAP_IOVA = 32;
    static final int MAP_FIXED_IOVA = 1;
    static final int MAP_WRITABLE = 1 << 1;
    static final int MAP_READABLE = 1 << 2;

    static final int UNMAP_BYTES = 24;
    static final int UNMAP_SPACE = 4;
    static final int UNMAP_IOVA = 8;
    static final int UNMAP_LENGTH = 16;

    private IommufdDescriptor() {}
}
