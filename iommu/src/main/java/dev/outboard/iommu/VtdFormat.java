package dev.outboard.iommu;

import java.util.List;

/**
 * The second-level entry of Intel's VT-d: eight bytes, little-endian.
 *
 * <pre>
 *  63        52 51                                      12 11      8  7  6       2  1   0
 * ┌────────────┬──────────────────────────────────────────┬─────────┬──┬─────────┬───┬───┐
 * │  not used  │  page frame or next table (40 bits)      │not used │SP│not used │ W │ R │
 * └────────────┴──────────────────────────────────────────┴─────────┴──┴─────────┴───┴───┘
 * </pre>
 *
 * <p>R = W = 0 is an invalid entry. Nine bits of the page number a level; what a device may is what
 * every level lets through. SP makes an entry a page: of 2 MiB at level 2, of 1 GiB at level 3; it
 * is ignored at level 1 and reserved at level 4; so are the bits of the frame below the size of
 * such a page. {@code vtd} has 3 levels (39 bits of IOVA), {@code vtd:4} has 4 (48 bits).
 *
 * <p>Source: Intel Virtualization Technology for Directed I/O, sections 3.7 and 9.8.
 */
public final class VtdFormat extends LittleEndianRadixFormat {
    static final int CODE = 4;
    static final int USUAL_LEVELS = 3;

    private static final int MAX_LEVELS = 4;
    private static final int LEVELS_SHIFT = 8;
    private static final long SUPERPAGE = 1L << 7;
    private static final List<VtdFormat> ALL = List.of(new VtdFormat(3), new VtdFormat(4));

    private VtdFormat(int levels) {
        super(
                levels == USUAL_LEVELS ? "vtd" : "vtd:" + levels,
                CODE | levels << LEVELS_SHIFT,
                levels);
    }

    /**
     * The format with so many levels.
     *
     * @throws IllegalArgumentException unless they are 3 or 4
     */
    public static VtdFormat of(int levels) {
        if (levels < USUAL_LEVELS || levels > MAX_LEVELS) {
            throw new IllegalArgumentException("levels=" + levels + ": vtd tables have 3 or 4");
        }
        return ALL.get(levels - USUAL_LEVELS);
    }

    @Override
    public TableFormat withLevels(int levels) {
        return of(levels);
    }

    @Override
    public TableFormat ofFamily(int code) {
        for (VtdFormat format : ALL) {
            if (format.code() == code) {
                return format;
            }
        }
        return null;
    }

    @Override
    protected long bits(long pageFrame, int access) {
        // The bits of Access are those of the entry: R is bit 0, W bit 1.
        return pageFrame << PAGE_FRAME_SHIFT | access;
    }

    @Override
    long bits(long pageFrame, int order, int access) {
        return bits(pageFrame, access) | (order == 0 ? 0 : SUPERPAGE);
    }

    @Override
    long pointer(long tableOffset, int nextLevel) {
        return tableOffset | Access.READ_WRITE;
    }

    @Override
    int order(long entry, int level) {
        if (level == 1) {
            return 0;
        }
        if ((entry & SUPERPAGE) == 0) {
            return TABLE;
        }
        int order = (level - 1) * PAGE_STRIDE;
        boolean isReserved = level > 3 || (pageFrame(entry) & (1L << order) - 1) != 0;
        return isReserved ? BROKEN : order;
    }

    @Override
    int orderWithin(int fit) {
        if (fit < PAGE_STRIDE) {
            return 0;
        }
        return fit < 2 * PAGE_STRIDE ? PAGE_STRIDE : 2 * PAGE_STRIDE;
    }

    @Override
    public int access(long entry) {
        return (int) entry & Access.READ_WRITE;
    }
}
