package dev.outboard.iommu;

/**
 * Hands out runs of IOVA pages, in laps: a lap goes once through the window, and {@link #rollOver}
 * begins the next.
 *
 * <p>Who flushes lazily gives pages back with {@link #retire}: they are not handed out again before
 * the roll-over, which the caller flushes for. Who flushed already gives them back with {@link
 * #free}. One thread; no method allocates.
 */
public interface IovaAllocator {
    /** No run is left in this lap. */
    long NONE = -1;

    /**
     * The first page of a free run, or {@link #NONE} when this lap has none: roll over and ask
     * again.
     *
     * @throws IllegalArgumentException if {@code pages} is not positive
     */
    long allocate(int pages);

    /**
     * The same, with the first page a multiple of {@code alignment}.
     *
     * @param alignment in pages, a power of two
     * @throws IllegalArgumentException if {@code pages} or {@code alignment} is not positive
     */
    default long allocate(int pages, int alignment) {
        if (alignment <= 1 || pages > Integer.MAX_VALUE - alignment) {
            return allocate(pages);
        }
        int spare = alignment - 1;
        long page = allocate(pages + spare);
        if (page == NONE) {
            return NONE;
        }
        int head = (int) (-page & spare);
        if (head > 0) {
            free(page, head);
        }
        if (head < spare) {
            free(page + head + pages, spare - head);
        }
        return page + head;
    }

    /**
     * Gives a run back for use at once: no IOTLB knows it any more.
     *
     * @throws IllegalArgumentException if the run is not allocated; nothing is changed
     */
    void free(long page, int pages);

    /**
     * Gives a run back for use after the next roll-over: an IOTLB may still know it.
     *
     * @throws IllegalArgumentException if the run is not allocated; nothing is changed
     */
    void retire(long page, int pages);

    /**
     * Begins the next lap; what was retired is free. A flush that began after the last {@link
     * #retire} must be complete.
     */
    void rollOver();

    /** Pages that could be handed out, in this lap or the next, without any being given back. */
    long freePages();

    /** Pages given back by {@link #retire} since the last roll-over. */
    long retiredPages();
}
