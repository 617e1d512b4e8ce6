package dev.outboard.iommu;

/**
 * The paper's allocator (section 4.1): a bitmap searched from where the last search ended, which
 * rolls over at the end.
 *
 * <p><b>The trap.</b> Flushing at the roll-over is not enough by itself: a run of the lap before
 * that is given back <em>ahead of</em> the search would be handed out again in this lap, before any
 * flush. Here it cannot: {@link #retire} leaves the run marked as used, in the bitmap that is
 * searched, and notes it in a second one; {@link #rollOver} subtracts the second from the first.
 * The flush rate stays the paper's, once a lap.
 *
 * <p>A search passes 4,096 used pages a step, and a word of 64 pages whose holes are too short in
 * one: a page costs a few nanoseconds at every fill level. A size that failed is not searched for
 * again before something is given back that makes room for it. With pools ({@link #pooled}), runs
 * of more than 15 pages have the upper quarter for themselves, so that single pages which live long
 * do not cut up the room for them; each kind goes to the other's part only when its own is full.
 *
 * <p>One thread. It alone takes parts of runs, and several at once, back.
 */
public final class NextFitAllocator implements IovaAllocator {
    /** The longest run that is short: powerpc's bound. */
    static final int SHORT_PAGES = 15;

    /** The smallest window with pools: 1 GiB, less what is reserved at its ends. */
    private static final int POOLED_PAGES = 256 * 1024 - 64;

    private final PageBitmap bitmap;
    private final RetiredPages retired;
    private final long[] used;
    private final int firstPage;
    private final int endPage;
    private final int longStart;
    private int lapEnd;

    /**
     * Pages of word {@link #roomWord} that are taken from the bitmap but not handed out yet: single
     * pages come from here, without a look at the bitmap.
     */
    private long room;

    private int roomWord;

    /** After the last page that was handed out of the lap: where the search goes on. */
    private int hint;

    private int longHint;

    /** Without those in {@link #room}. */
    private int freePages;

    private int failedPages = Integer.MAX_VALUE;
    private int failedAlignment = 1;

    /**
     * An allocator of the pages from {@code firstPage} to before {@code endPage}, in one pool.
     *
     * @param firstPage at least 1: page 0 stays reserved, so that no IOVA is 0
     * @throws IllegalArgumentException if the window is empty or holds page 0
     */
    public NextFitAllocator(int firstPage, int endPage) {
        this(firstPage, endPage, endPage);
    }

    private NextFitAllocator(int firstPage, int endPage, int longStart) {
        bitmap = new PageBitmap(firstPage, endPage);
        retired = new RetiredPages(endPage);
        used = bitmap.used;
        this.firstPage = firstPage;
        this.endPage = endPage;
        this.longStart = longStart;
        freePages = endPage - firstPage;
        restart();
    }

    /** The same with the upper quarter for long runs, where the window is 1 GiB or more. */
    static NextFitAllocator pooled(int firstPage, int endPage) {
        boolean pools = endPage - firstPage >= POOLED_PAGES;
        return new NextFitAllocator(
                firstPage, endPage, pools ? longStart(firstPage, endPage) : endPage);
    }

    /** Where the upper quarter begins, on a boundary that superpages like. */
    static int longStart(int firstPage, int endPage) {
        int start = endPage - (endPage - firstPage) / 4;
        int aligned = start + 511 & ~511;
        return aligned < endPage ? aligned : start;
    }

    private void restart() {
        room = 0;
        hint = firstPage;
        longHint = longStart;
        lapEnd = longStart;
    }

    @Override
    public long allocate(int pages) {
        if (pages != 1) {
            return allocate(pages, 1);
        }
        long free = room;
        if (free == 0) {
            free = takeWord();
            if (free == 0) {
                return NONE;
            }
        }
        room = free & free - 1;
        int page = (roomWord << PageBitmap.WORD_SHIFT) + Long.numberOfTrailingZeros(free);
        hint = page + 1;
        return page;
    }

    /** Takes the free pages of the next word that has any in this lap; 0 if none has. */
    private long takeWord() {
        int page = bitmap.nextFree(hint);
        if (page >= lapEnd) {
            page = spill(page);
            if (page == endPage) {
                return 0;
            }
        }
        int word = page >>> PageBitmap.WORD_SHIFT;
        int wordEnd = Math.min(lapEnd, word + 1 << PageBitmap.WORD_SHIFT);
        long free = ~used[word] & PageBitmap.mask(page, wordEnd);
        bitmap.markWord(word, free);
        freePages -= Long.bitCount(free);
        roomWord = word;
        return free;
    }

    /** Gives what is left of the word back to the bitmap. */
    private void putWordBack() {
        if (room != 0) {
            bitmap.unmarkWord(roomWord, room);
            freePages += Long.bitCount(room);
            room = 0;
        }
    }

    /** A page found beyond the lap's end is taken if a whole lap had none. */
    private int spill(int page) {
        if (hint != firstPage || page == endPage) {
            return endPage;
        }
        lapEnd = endPage;
        return page;
    }

    @Override
    public long allocate(int pages, int alignment) {
        if (pages == 1 && alignment == 1) {
            return allocate(1);
        }
        requireRun(pages, alignment);
        putWordBack();
        if (pages > freePages || pages >= failedPages && alignment >= failedAlignment) {
            return NONE;
        }
        boolean isLong = pages > SHORT_PAGES || alignment > SHORT_PAGES;
        int page = isLong ? takeLong(pages, alignment) : takeShort(pages, alignment);
        if (page == endPage) {
            noteFailure(pages, alignment);
            return NONE;
        }
        bitmap.mark(page, page + pages);
        freePages -= pages;
        return page;
    }

    static void requireRun(int pages, int alignment) {
        if (pages <= 0) {
            throw new IllegalArgumentException("pages=" + pages + " is not positive");
        }
        if (alignment <= 0 || (alignment & alignment - 1) != 0) {
            throw new IllegalArgumentException("alignment=" + alignment + " is no power of two");
        }
    }

    private int takeShort(int pages, int alignment) {
        int page = bitmap.nextRun(hint, lapEnd, pages, alignment);
        if (page == endPage && hint == firstPage && lapEnd < endPage) {
            page = bitmap.nextRun(lapEnd, endPage, pages, alignment);
            if (page != endPage) {
                lapEnd = endPage;
            }
        }
        if (page != endPage) {
            hint = page + pages;
        }
        return page;
    }

    private int takeLong(int pages, int alignment) {
        if (longHint < endPage) {
            int page = bitmap.nextRun(longHint, endPage, pages, alignment);
            if (page != endPage) {
                longHint = page + pages;
                return page;
            }
            if (longHint != longStart) {
                return endPage;
            }
        }
        int page = bitmap.nextRun(hint, longStart, pages, alignment);
        if (page != endPage) {
            hint = page + pages;
        }
        return page;
    }

    /** A size that no part of the window has room for need not be searched for again. */
    private void noteFailure(int pages, int alignment) {
        if (hint == firstPage && longHint == longStart) {
            failedPages = pages;
            failedAlignment = alignment;
        }
    }

    @Override
    public void free(long page, int pages) {
        if (pages == 1) {
            int word = allocatedWord(page);
            if (word == roomWord && page >= hint) {
                // Ahead of the search, in the word that it stands in.
                putWordBack();
            }
            bitmap.unmarkWord(word, 1L << page);
        } else {
            freeRun(page, pages);
        }
        freePages += pages;
        if (failedPages != Integer.MAX_VALUE) {
            forgetFailure((int) page, pages);
        }
    }

    private void freeRun(long page, int pages) {
        int first = checkAllocated(page, pages);
        if (first + pages > hint) {
            putWordBack();
        }
        for (int at = first, end = first + pages; at < end; ) {
            long mask = PageBitmap.mask(at, end);
            bitmap.unmarkWord(at >>> PageBitmap.WORD_SHIFT, mask);
            at += Long.bitCount(mask);
        }
    }

    /** Forgets the size that failed if the pages given back make room for it. */
    private void forgetFailure(int first, int pages) {
        putWordBack();
        int wanted = failedPages;
        int start = bitmap.freeBefore(first, (int) Math.max(firstPage, (long) first - wanted));
        int limit = (int) Math.min(endPage, (long) first + pages + wanted);
        if (bitmap.nextUsed(first + pages - 1, limit) - start >= wanted) {
            failedPages = Integer.MAX_VALUE;
        }
    }

    @Override
    public void retire(long page, int pages) {
        if (pages == 1) {
            retired.addOne(allocatedWord(page), 1L << page);
        } else {
            int first = checkAllocated(page, pages);
            retired.add(first, first + pages);
        }
    }

    @Override
    public boolean joinsNeighbours() {
        return true;
    }

    @Override
    public void rollOver() {
        putWordBack();
        restart();
        if (retired.count() > 0) {
            takeBack(retired);
        }
    }

    /** Frees pages that were allocated here and retired elsewhere. */
    void takeBack(RetiredPages settled) {
        freePages += settled.count();
        settled.giveBack(bitmap, false);
        failedPages = Integer.MAX_VALUE;
    }

    @Override
    public long freePages() {
        return freePages + Long.bitCount(room);
    }

    @Override
    public long retiredPages() {
        return retired.count();
    }

    /** What it searches; others only look. */
    PageBitmap bitmap() {
        return bitmap;
    }

    /** The word of one page, which is allocated: what most runs are, without the loops. */
    private int allocatedWord(long page) {
        int word = (int) (page >>> PageBitmap.WORD_SHIFT);
        if (page < firstPage || page >= endPage || (allocated(word) & 1L << page) == 0) {
            throw notAllocated(page, 1);
        }
        return word;
    }

    /** The pages of a word that are somebody's. */
    private long allocated(int word) {
        long taken = used[word] & ~retired.word(word);
        return word == roomWord ? taken & ~room : taken;
    }

    private int checkAllocated(long page, int pages) {
        if (page < firstPage || pages <= 0 || pages > endPage - page) {
            throw notAllocated(page, pages);
        }
        int first = (int) page;
        for (int at = first, end = first + pages; at < end; ) {
            int word = at >>> PageBitmap.WORD_SHIFT;
            long mask = PageBitmap.mask(at, end);
            if ((allocated(word) & mask) != mask) {
                throw notAllocated(page, pages);
            }
            at += Long.bitCount(mask);
        }
        return first;
    }

    static IllegalArgumentException notAllocated(long page, int pages) {
        return new IllegalArgumentException(
                "page=%d pages=%d is not allocated".formatted(page, pages));
    }
}
