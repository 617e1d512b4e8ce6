package dev.outboard.iommu;

/**
 * How long the run is that begins at a page, for the threads of a space: a run is given back once,
 * whole or its head before the rest.
 *
 * <p>Plain memory: whoever gives a run back has had it from whoever allocated it, with the usual
 * synchronisation. Two threads that give the same run back at the same moment may both succeed;
 * that is noticed where it is an error of one thread alone.
 */
final class RunLengths {
    private final int[] lengths;

    RunLengths(int endPage) {
        lengths = new int[endPage];
    }

    int endPage() {
        return lengths.length;
    }

    /** Notes a run, by its pages or any other number that is not 0. */
    void set(int page, int pages) {
        lengths[page] = pages;
    }

    /** What was noted at a page; 0 if no run begins there, or it is no page. */
    int at(long page) {
        return page < 0 || page >= lengths.length ? 0 : lengths[(int) page];
    }

    void clear(int page) {
        lengths[page] = 0;
    }
}
