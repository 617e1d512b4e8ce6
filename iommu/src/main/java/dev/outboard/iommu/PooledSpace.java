package dev.outboard.iommu;

/**
 * The next-fit bitmap, shared by threads: the lower three quarters are one pool a thread, the upper
 * quarter is for long runs.
 *
 * <p>Pools are only where a thread begins to look. Every page may go to every thread, and a run
 * goes back to the bitmap from whichever thread has it, so nothing is handed around between them
 * and no lock is taken: a word of 64 pages changes atomically, and in its own pool a thread is
 * seldom disturbed. powerpc has four pools because its processors share them under locks; here each
 * thread has one.
 */
final class PooledSpace implements IovaSpace {
    final PageBitmap bitmap;
    final RunLengths lengths;
    final int longStart;
    private final int threads;
    private final PooledAllocator[] open;
    private int opened;

    PooledSpace(int firstPage, int endPage, int threads) {
        bitmap = new PageBitmap(firstPage, endPage);
        lengths = new RunLengths(endPage);
        longStart = NextFitAllocator.longStart(firstPage, endPage);
        this.threads = threads;
        open = new PooledAllocator[threads];
    }

    @Override
    public synchronized IovaAllocator open() {
        if (opened == threads) {
            throw new IllegalStateException(
                    "all " + threads + " allocators of this space are open");
        }
        long shortPages = longStart - bitmap.firstPage;
        int start = bitmap.firstPage + (int) (shortPages * opened / threads);
        int end = bitmap.firstPage + (int) (shortPages * (opened + 1) / threads);
        long longPages = bitmap.endPage - longStart;
        int longHint = longStart + (int) (longPages * opened / threads);
        open[opened] = new PooledAllocator(this, start, end, longHint);
        return open[opened++];
    }

    @Override
    public synchronized long freePages() {
        long free = bitmap.endPage - bitmap.firstPage;
        for (int index = 0; index < opened; index++) {
            free -= open[index].takenPages();
        }
        return free;
    }
}
