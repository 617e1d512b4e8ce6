package dev.outboard.iommu;

/**
 * Magazines per thread over a shared depot, as Linux allocates IOVA today.
 *
 * <pre>
 *   thread:  loaded ⇄ previous   per size 1, 2, 4 … pages      a run: an array's end, no lock
 *               │ ▲
 *   depot:      ▼ │  full magazines, per size                  a magazine: under the lock
 *               │ ▲
 *   bitmap:     ▼ │  runs of any size, next fit                the first time, and when scarce
 * </pre>
 *
 * <p>Sizes are powers of two and runs aligned to theirs, up to the whole window: Linux stops at 32
 * pages, and beyond that every request goes for the lock of the tree. Magazines of long runs hold
 * fewer, so that no thread puts more aside than a 64th of the window, shared by the threads, in a
 * magazine. When nothing is left of a size, the depot and the asking thread's magazines are put
 * back into the bitmap, where neighbours become long runs again; other threads put theirs back when
 * they free next. A thread that does nothing keeps what is in its magazines.
 *
 * <p>Any thread. All memory is taken at construction.
 */
final class MagazineSpace implements IovaSpace {
    /** A magazine at most holds this part of the window, all threads together. */
    private static final int WINDOW_SHARE = 64;

    /** Pages that are taken from the bitmap together, if runs are shorter. */
    private static final int REFILL_PAGES = 64;

    final RunLengths lengths;

    /** Raised when runs are scarce; read without the lock, and then followed as soon as may be. */
    volatile int scarcity;

    private final NextFitAllocator bitmap;
    private final long windowPages;
    private final int threads;
    private final int sizes;
    private final Magazine[] depot;
    private final MagazineAllocator[] open;
    private Magazine empty;
    private int opened;

    MagazineSpace(int firstPage, int endPage, int threads) {
        bitmap = NextFitAllocator.pooled(firstPage, endPage);
        lengths = new RunLengths(endPage);
        windowPages = endPage - firstPage;
        this.threads = threads;
        sizes = Long.SIZE - Long.numberOfLeadingZeros(windowPages);
        depot = new Magazine[sizes];
        open = new MagazineAllocator[threads];
        long fewestPages = windowPages;
        for (int size = 0; size < sizes; size++) {
            fewestPages = Math.min(fewestPages, (long) limit(size) << size);
        }
        // Full ones, and for each thread and size one that is loaded, previous, and retired.
        long magazines = windowPages / fewestPages + 3L * threads * sizes + 1;
        for (long made = 0; made < magazines; made++) {
            putEmpty(new Magazine());
        }
    }

    private int limit(int size) {
        long runs = windowPages / WINDOW_SHARE / threads >>> size;
        return Math.clamp(runs, 1, Magazine.CAPACITY);
    }

    @Override
    public synchronized IovaAllocator open() {
        if (opened == threads) {
            throw new IllegalStateException(
                    "all " + threads + " allocators of this space are open");
        }
        open[opened] = new MagazineAllocator(this, sizes);
        return open[opened++];
    }

    /** Pages that a thread retires before its lap ends: half its share. */
    long lapPages() {
        return Math.max(1, windowPages / threads / 2);
    }

    @Override
    public synchronized long freePages() {
        long free = windowPages;
        for (int index = 0; index < opened; index++) {
            free -= open[index].takenPages();
        }
        return free;
    }

    private void putEmpty(Magazine magazine) {
        if (magazine.limit > 0) {
            magazine.count = 0;
            magazine.next = empty;
            empty = magazine;
        }
    }

    /** An empty magazine for runs of a size. */
    synchronized Magazine takeEmpty(int size) {
        Magazine magazine = empty;
        empty = magazine.next;
        magazine.next = null;
        magazine.limit = limit(size);
        return magazine;
    }

    /** Takes a full magazine in and gives an empty one for it. */
    synchronized Magazine exchangeFull(int size, Magazine full) {
        full.next = depot[size];
        depot[size] = full;
        return takeEmpty(size);
    }

    /** Takes a stack of full magazines in, given by its top and its last. */
    synchronized void putFull(int size, Magazine top, Magazine last) {
        last.next = depot[size];
        depot[size] = top;
    }

    /** A magazine with at least one run of a size for an empty one, or the empty one again. */
    synchronized Magazine refill(int size, Magazine spent) {
        Magazine full = depot[size];
        if (full != null) {
            depot[size] = full.next;
            full.next = null;
            putEmpty(spent);
            return full;
        }
        Magazine filled = spent.limit == 0 ? takeEmpty(size) : spent;
        int wanted = Math.clamp(REFILL_PAGES >>> size, 1, filled.limit);
        while (filled.count < wanted) {
            long page = take(1 << size, 1 << size);
            if (page == IovaAllocator.NONE) {
                break;
            }
            filled.pages[filled.count++] = (int) page;
        }
        return filled;
    }

    /** A run of any length from the bitmap. */
    synchronized long take(int pages, int alignment) {
        long page = bitmap.allocate(pages, alignment);
        if (page == IovaAllocator.NONE) {
            bitmap.rollOver();
            page = bitmap.allocate(pages, alignment);
        }
        return page;
    }

    synchronized void putBack(int page, int pages) {
        bitmap.free(page, pages);
    }

    synchronized void putBack(RetiredPages retired) {
        bitmap.takeBack(retired);
    }

    /** Puts the runs of a magazine back into the bitmap. */
    synchronized void empty(int size, Magazine magazine) {
        while (magazine.count > 0) {
            bitmap.free(magazine.pages[--magazine.count], 1 << size);
        }
    }

    /** Puts the depot back into the bitmap, and asks every thread to do so with its magazines. */
    synchronized void emptyDepot() {
        for (int size = 0; size < sizes; size++) {
            while (depot[size] != null) {
                Magazine magazine = depot[size];
                depot[size] = magazine.next;
                empty(size, magazine);
                putEmpty(magazine);
            }
        }
        scarcity++;
    }
}
