package dev.outboard.dma;

/**
 * Unmapped runs of IOVA in the order of their unmapping, until a flush has reached them. One
 * thread; no allocation after construction.
 */
final class StaleQueue {
    private static final int PAGE_SHIFT = 32;
    private static final long PAGES_MASK = (1L << PAGE_SHIFT) - 1;

    /** First page in the upper half, pages in the lower; a ring. */
    private final long[] runs;

    private final int mask;
    private final int capacityPages;
    private int put;
    private int taken;

    /** Pages ever put, and taken. */
    private long putPages;

    private long takenPages;

    /**
     * @param capacityPages that wait at most
     */
    StaleQueue(int capacityPages) {
        this.capacityPages = capacityPages;
        // A run has at least one page.
        int slots = capacityPages == 1 ? 1 : Integer.highestOneBit(capacityPages - 1) << 1;
        runs = new long[slots];
        mask = slots - 1;
    }

    boolean hasRoom(int pages) {
        return pages <= capacityPages - (putPages - takenPages);
    }

    void add(long page, int pages) {
        runs[put++ & mask] = page << PAGE_SHIFT | pages;
        putPages += pages;
    }

    /** Whether there is a run, all of it among the first {@code pages} ever put. */
    boolean isNextWithin(long pages) {
        return put != taken && takenPages + nextPages() <= pages;
    }

    /** First page of the oldest run. */
    long nextPage() {
        return runs[taken & mask] >>> PAGE_SHIFT;
    }

    /** Pages of the oldest run. */
    int nextPages() {
        return (int) (runs[taken & mask] & PAGES_MASK);
    }

    /** Takes the oldest run out. */
    void drop() {
        takenPages += nextPages();
        taken++;
    }
}
