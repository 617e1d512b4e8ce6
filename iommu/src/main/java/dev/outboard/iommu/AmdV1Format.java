package dev.outboard.iommu;

import java.util.ArrayList;
import java.util.List;

/**
 * The entry of AMD's I/O page tables, version 1: eight bytes, little-endian.
 *
 * <pre>
 *  63  62  61  60  59 58   52 51                             12 11    9 8       1   0
 * ┌───┬───┬───┬───┬───┬──────┬─────────────────────────────────┬───────┬─────────┬────┐
 * │   │IW │IR │FC │ U │ res. │ page frame or next table (40)   │ next  │ not used│ PR │
 * └───┴───┴───┴───┴───┴──────┴─────────────────────────────────┴─level─┴─────────┴────┘
 * </pre>
 *
 * <p>PR = 0 is an invalid entry, and so is one with a reserved bit, which in an entry that names a
 * table FC and U are, too. Nine bits of the page number a level; what a device may is what every
 * level lets through. Next level 0 is a page of the level's own size: 4 KiB, 2 MiB, 1 GiB … ; 1 to
 * 6 names a table of that level, here always the one below (the architecture lets levels be
 * skipped, these tables have none); 7 is a page whose size the frame's low bits tell. A page of
 * 2<sup>k</sup> times 4 KiB has k-1 ones there and then a zero, and takes as many equal entries as
 * the level has pages within it:
 *
 * <pre>
 *   8 KiB   … x x x 0      16 KiB  … x x 0 1      32 KiB  … x 0 1 1      (bits … 15 14 13 12)
 * </pre>
 *
 * <p>{@code amdv1} has 3 levels; {@code amdv1:1} to {@code amdv1:6}.
 *
 * <p>Source: AMD I/O Virtualization Technology (IOMMU) Specification, section 2.2.3.
 */
public final class AmdV1Format extends LittleEndianRadixFormat {
    static final int CODE = 5;
    static final int USUAL_LEVELS = 3;

    private static final int MAX_LEVELS = 6;
    private static final int LEVELS_SHIFT = 8;
    private static final long PRESENT = 1;
    private static final int NEXT_LEVEL_SHIFT = 9;
    private static final int NEXT_LEVEL_MASK = 7;
    private static final int SIZE_IN_FRAME = 7;

    /** Bits 52 to 58. */
    private static final long RESERVED = 0x7fL << 52;

    /** FC and U say something of a page only. */
    private static final long RESERVED_IN_POINTER = 3L << 59 | RESERVED;

    /** IR is bit 61, IW bit 62: the bits of Access in their order. */
    private static final int ACCESS_SHIFT = 61;

    private static final List<AmdV1Format> ALL = everyFormat();

    private AmdV1Format(int levels) {
        super(
                levels == USUAL_LEVELS ? "amdv1" : "amdv1:" + levels,
                CODE | levels << LEVELS_SHIFT,
                levels);
    }

    private static List<AmdV1Format> everyFormat() {
        List<AmdV1Format> formats = new ArrayList<>();
        for (int levels = 1; levels <= MAX_LEVELS; levels++) {
            formats.add(new AmdV1Format(levels));
        }
        return formats;
    }

    /**
     * The format with so many levels.
     *
     * @throws IllegalArgumentException unless they are 1 to 6
     */
    public static AmdV1Format of(int levels) {
        if (levels < 1 || levels > MAX_LEVELS) {
            throw new IllegalArgumentException(
                    "levels=%d: amdv1 tables have 1 to %d".formatted(levels, MAX_LEVELS));
        }
        return ALL.get(levels - 1);
    }

    @Override
    public TableFormat withLevels(int levels) {
        return of(levels);
    }

    @Override
    public TableFormat ofFamily(int code) {
        for (AmdV1Format format : ALL) {
            if (format.code() == code) {
                return format;
            }
        }
        return null;
    }

    @Override
    protected long bits(long pageFrame, int access) {
        return pageFrame << PAGE_FRAME_SHIFT | (long) access << ACCESS_SHIFT | PRESENT;
    }

    @Override
    long bits(long pageFrame, int order, int access) {
        if (order % PAGE_STRIDE == 0) {
            return bits(pageFrame, access);
        }
        long size = (1L << order - 1) - 1;
        return bits(pageFrame | size, access) | (long) SIZE_IN_FRAME << NEXT_LEVEL_SHIFT;
    }

    @Override
    long pointer(long tableOffset, int nextLevel) {
        return tableOffset
                | (long) Access.READ_WRITE << ACCESS_SHIFT
                | (long) nextLevel << NEXT_LEVEL_SHIFT
                | PRESENT;
    }

    @Override
    int order(long entry, int level) {
        if ((entry & RESERVED) != 0) {
            return BROKEN;
        }
        int nextLevel = (int) (entry >>> NEXT_LEVEL_SHIFT) & NEXT_LEVEL_MASK;
        if (nextLevel == 0) {
            return (level - 1) * PAGE_STRIDE;
        }
        if (nextLevel == SIZE_IN_FRAME) {
            int order = Long.numberOfTrailingZeros(~pageFrame(entry)) + 1;
            return order > (level - 1) * PAGE_STRIDE && order < level * PAGE_STRIDE
                    ? order
                    : BROKEN;
        }
        return nextLevel == level - 1 && (entry & RESERVED_IN_POINTER) == 0 ? TABLE : BROKEN;
    }

    /** Every order that the levels reach; one that is no multiple of 9 by equal entries. */
    @Override
    int orderWithin(int fit) {
        return Math.min(fit, levels() * PAGE_STRIDE - 1);
    }

    @Override
    public int access(long entry) {
        return (entry & PRESENT) == 0
                ? Access.NONE
                : (int) (entry >>> ACCESS_SHIFT) & Access.READ_WRITE;
    }
}
