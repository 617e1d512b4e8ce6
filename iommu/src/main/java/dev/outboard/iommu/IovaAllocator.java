package dev.outboard.iommu;

/**
 * Hands out runs of IOVA pages to one thread, in laps: a lap goes once through the pages it may
 * take, and {@link #rollOver} begins the next.
 *
 * <p>Who flushes lazily gives pages back with {@link #retire}: they are not handed out again, by
 * this allocator or another of its {@link IovaSpace}, before the roll-over, which the caller
 * flushes for. Who flushed already gives them back with {@link #free}. A run may be given back to
 * any allocator of the space; its head may be freed before the rest. One thread; no method
 * allocates.
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
     * The same, beginning at a multiple of {@code alignment} pages: for superpages, and for formats
     * whose smallest page is larger than 4 KiB.
     *
     * @param alignment a power of two
     * @throws IllegalArgumentException if {@code pages} is not positive, or {@code alignment} no
     *     power of two
     */
    long allocate(int pages, int alignment);

    /**
     * Gives a run back for use at once: no IOTLB knows it any more.
     *
     * @throws IllegalArgumentException if the run is not allocated; nothing is changed
     */
    void free(long page, int pages);

    /**
     * Gives a run back for use after the next roll-over of this allocator: an IOTLB may still know
     * it.
     *
     * @throws IllegalArgumentException if the run is not allocated; nothing is changed
     */
    void retire(long page, int pages);

    /** Whether {@link #free} and {@link #retire} take neighbouring runs, given back as one. */
    default boolean joinsNeighbours() {
        return false;
    }

    /**
     * Begins the next lap; what was retired here is free. A flush that began after the last {@link
     * #retire} must be complete.
     */
    void rollOver();

    /**
     * Pages of the whole space that could be handed out, in this lap or the next, without any being
     * given back. Exact while no other thread allocates or gives back.
     */
    long freePages();

    /** Pages given back by {@link #retire} since the last roll-over. */
    long retiredPages();
}
