package dev.outboard.iommu;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * One thread's hand in a {@link PooledSpace}.
 *
 * <p>A lap goes through the thread's own pool, for long runs through the upper quarter. When a
 * fresh lap finds nothing there, it goes on through the whole window: into the other threads'
 * pools. What is retired stays this thread's until its own roll-over: others cannot flush for it. A
 * thread so keeps at most the pages of a lap from the others; who idles with retired runs should
 * flush and roll over, as a queue with a timer does.
 */
final class PooledAllocator implements IovaAllocator {
    private static final VarHandle TAKEN;

    static {
        try {
            TAKEN =
                    MethodHandles.lookup()
                            .findVarHandle(PooledAllocator.class, "taken", long.class);
        } catch (ReflectiveOperationException missing) {
            throw new ExceptionInInitializerError(missing);
        }
    }

    private final PooledSpace space;
    private final PageBitmap bitmap;
    private final RunLengths lengths;
    private final RetiredPages retired;
    private final int poolStart;
    private final int poolEnd;
    private final int longStart;
    private final int endPage;
    private int hint;
    private int longHint;
    private int spillHint;

    /** Whether this lap has used its own pool, and its part of the upper quarter, up. */
    private boolean poolFull;

    private boolean longFull;

    /** Pages allocated less pages freed here; below 0 where this thread frees others' runs. */
    private long taken;

    PooledAllocator(PooledSpace space, int poolStart, int poolEnd, int longStart) {
        this.space = space;
        bitmap = space.bitmap;
        lengths = space.lengths;
        endPage = bitmap.endPage;
        retired = new RetiredPages(endPage);
        this.poolStart = poolStart;
        this.poolEnd = poolEnd;
        this.longStart = longStart;
        restart();
    }

    private void restart() {
        hint = poolStart;
        longHint = longStart;
        spillHint = bitmap.firstPage;
        poolFull = false;
        longFull = false;
    }

    @Override
    public long allocate(int pages) {
        if (pages != 1) {
            return allocate(pages, 1);
        }
        int page = bitmap.nextFree(hint);
        while (page < poolEnd) {
            if (bitmap.tryClaimWord(page >>> PageBitmap.WORD_SHIFT, 1L << page)) {
                hint = page + 1;
                return taken(page, 1);
            }
            page = bitmap.nextFree(page);
        }
        return beyondPool(1, 1);
    }

    private long taken(int page, int pages) {
        lengths.set(page, pages);
        count(pages);
        return page;
    }

    private void count(int pages) {
        // Opaque: one writer; who adds the counts of all threads up reads it whole.
        TAKEN.setOpaque(this, taken + pages);
    }

    long takenPages() {
        return (long) TAKEN.getOpaque(this);
    }

    @Override
    public long allocate(int pages, int alignment) {
        if (pages == 1 && alignment == 1) {
            return allocate(1);
        }
        NextFitAllocator.requireRun(pages, alignment);
        if (pages > endPage - bitmap.firstPage) {
            return NONE;
        }
        return pages > NextFitAllocator.SHORT_PAGES || alignment > NextFitAllocator.SHORT_PAGES
                ? allocateLong(pages, alignment)
                : allocateShort(pages, alignment);
    }

    private long allocateShort(int pages, int alignment) {
        int page = claim(hint, poolEnd, pages, alignment);
        if (page == endPage) {
            return beyondPool(pages, alignment);
        }
        hint = page + pages;
        return taken(page, pages);
    }

    private long allocateLong(int pages, int alignment) {
        int page = longFull ? endPage : claim(longHint, endPage, pages, alignment);
        if (page != endPage) {
            longHint = page + pages;
            return taken(page, pages);
        }
        if (longHint != longStart) {
            return NONE;
        }
        longFull = true;
        return spill(pages, alignment);
    }

    private long beyondPool(int pages, int alignment) {
        if (!poolFull && hint != poolStart) {
            return NONE;
        }
        poolFull = true;
        return spill(pages, alignment);
    }

    /** Beyond this thread's own part, through the whole window. */
    private long spill(int pages, int alignment) {
        int page = claim(spillHint, endPage, pages, alignment);
        if (page == endPage) {
            return NONE;
        }
        spillHint = page + pages;
        return taken(page, pages);
    }

    /** The first page of a run that is now taken, or the end of the window. */
    private int claim(int from, int limit, int pages, int alignment) {
        int page = bitmap.nextRun(from, limit, pages, alignment);
        while (page != endPage && !bitmap.tryClaim(page, page + pages)) {
            // Another thread was here: the search goes on behind what it took.
            page = bitmap.nextRun(page, limit, pages, alignment);
        }
        return page;
    }

    @Override
    public void free(long page, int pages) {
        int rest = lengths.at(page) - pages;
        if (pages <= 0 || rest < 0) {
            throw NextFitAllocator.notAllocated(page, pages);
        }
        int first = (int) page;
        lengths.clear(first);
        if (rest > 0) {
            lengths.set(first + pages, rest);
        }
        bitmap.release(first, first + pages);
        count(-pages);
    }

    @Override
    public void retire(long page, int pages) {
        if (pages <= 0 || lengths.at(page) != pages) {
            throw NextFitAllocator.notAllocated(page, pages);
        }
        int first = (int) page;
        lengths.clear(first);
        retired.add(first, first + pages);
    }

    @Override
    public void rollOver() {
        restart();
        count(-retired.count());
        retired.giveBack(bitmap, true);
    }

    @Override
    public long freePages() {
        return space.freePages();
    }

    @Override
    public long retiredPages() {
        return retired.count();
    }
}
