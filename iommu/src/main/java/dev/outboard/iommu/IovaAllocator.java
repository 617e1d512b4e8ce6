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
