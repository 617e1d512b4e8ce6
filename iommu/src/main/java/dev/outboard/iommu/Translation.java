package dev.outboard.iommu;

/**
 * What a walk of a page table finds, in one {@code long}: page frame, rights, and how far the entry
 * reaches. The same for every table format.
 *
 * <pre>
 *  63                                        8 7           2 1      0
 * ┌───────────────────────────────────────────┬─────────────┬────────┐
 * │      page frame of the page asked for     │    order    │ access │
 * └───────────────────────────────────────────┴─────────────┴────────┘
 * </pre>
 *
 * <p>The frame is that of the 4 KiB page that was asked for, also where the entry covers more. An
 * entry of order <i>k</i> covers 2<sup>k</sup> pages, aligned in IOVA and in memory alike.
 */
public final class Translation {
    /** Nothing is mapped there. No valid translation is 0, as it grants some access. */
    public static final long NONE = 0;

    private static final int ORDER_SHIFT = 2;
    private static final int ORDER_MASK = 0x3f;
    static final int FRAME_SHIFT = 8;

    private Translation() {}

    /**
     * A translation.
     *
     * @param pageFrame frame of the page asked for, below 2<sup>55</sup>
     * @param order log2 of the pages that the entry covers
     * @param access bits of {@link Access}, at least one
     */
    public static long of(long pageFrame, int order, int access) {
        return pageFrame << FRAME_SHIFT | (long) order << ORDER_SHIFT | access;
    }

    /** Frame of the page asked for. */
    public static long pageFrame(long translation) {
        return translation >>> FRAME_SHIFT;
    }

    /** Log2 of the pages that the entry covers. */
    public static int order(long translation) {
        return (int) (translation >>> ORDER_SHIFT) & ORDER_MASK;
    }

    /** The rights, bits of {@link Access}. */
    public static int access(long translation) {
        return (int) translation & Access.READ_WRITE;
    }

    /** The physical address behind an IOVA of the page asked for. */
    public static long physicalAddress(long translation, long iova) {
        return translation >>> FRAME_SHIFT << IoPage.SHIFT | iova & IoPage.OFFSET_MASK;
    }
}
