package dev.outboard.iommu;

/**
 * How long the run is that begins at a page, for the threads of a space: a run is given back whole,
 * and once.
 *
 * <p>Plain memory: whoever gives a run back has had it from whoever allocated it, with the usual
 * synchronisation. Two threads that give the same run back at the same moment may both succeed;
 * that is noticed where it is an error of one thread alone.
 */
final class RunLengths {
    private final int firstPage;
    private final int[] lengths;

    RunLengths(int firstPage, int endPage) {
        this.firstPage = firstPage;
        lengths = new int[endPage];
    }

    void add(int page, int pages) {
        lengths[page] = pages;
    }

    /**
     * The run is given back.
     *
     * @throws IllegalArgumentException if there is no such run
     */
    int remove(long page, int pages) {
        if (page < firstPage
                || page >= lengths.length
                || pages <= 0
                || lengths[(int) page] != pages) {
            throw NextFitAllocator.notAllocated(page, pages);
        }
        lengths[(int) page] = 0;
        return (int) page;
    }
}
