package dev.outboard.iommu;

/** How IOVA pages are handed out. */
public enum IovaAllocation {
    /**
     * The paper's bitmap (The Price of Safety, section 4.1), searched from where the last search
     * ended; long runs apart from short ones, and a pool for each thread, as on powerpc.
     */
    NEXT_FIT {
        @Override
        public IovaSpace create(int firstPage, int endPage, int threads) {
            requireThreads(threads);
            return threads == 1
                    ? new SoleSpace(NextFitAllocator.pooled(firstPage, endPage))
                    : new PooledSpace(firstPage, endPage, threads);
        }
    },

    /**
     * Magazines of free runs for each thread over a shared depot, as in today's Linux; runs are of
     * powers of two of pages, aligned to their size.
     */
    MAGAZINES {
        @Override
        public IovaSpace create(int firstPage, int endPage, int threads) {
            requireThreads(threads);
            return new MagazineSpace(firstPage, endPage, threads);
        }
    };

    /**
     * A space of the pages from {@code firstPage} to before {@code endPage}.
     *
     * @param firstPage at least 1: page 0 stays reserved, so that no IOVA is 0
     * @param threads how many allocators it opens
     * @throws IllegalArgumentException if the window is empty or holds page 0, or there is no
     *     thread
     */
    public abstract IovaSpace create(int firstPage, int endPage, int threads);

    private static void requireThreads(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("threads=" + threads + " is not positive");
        }
    }
}
