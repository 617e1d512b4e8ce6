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
 * <p>A third bitmap has one bit for each full word of the first, so a search passes 4,096 used
 * pages a step: one page costs a few nanoseconds at every fill level, and at most entries / 4,096
 * steps. A run of pages costs a step for each hole too small for it; a size that failed is not
 * searched for again before something is given back. The roll-over touches only words with retired
 * pages.
 */
public final class NextFitAllocator implements IovaAllocator {
    private static final int WORD_SHIFT = 6;

    private final int firstPage;
    private final int endPage;
    private final int words;
    private final long[] used;
    private final long[] fullWords;
    private final long[] retired;
    private final long[] retiredWords;
    private int hint;
    private int freePages;
    private int retiredPages;
    private int failedPages = Integer.MAX_VALUE;

    /**
     * An allocator of the pages from {@code firstPage} to before {@code endPage}.
     *
     * @param firstPage at least 1: page 0 stays reserved, so that no IOVA is 0
     * @throws IllegalArgumentException if the window is empty or holds page 0
     */
    public NextFitAllocator(int firstPage, int endPage) {
        if (firstPage < 1 || endPage <= firstPage) {
            throw new IllegalArgumentException(
                    "firstPage=%d endPage=%d: the window starts at page 1 or later and is not empty"
                            .formatted(firstPage, endPage));
        }
        this.firstPage = firstPage;
        this.endPage = endPage;
        words = wordsFor(endPage);
        used = new long[words];
        fullWords = new long[wordsFor(words)];
        retired = new long[words];
        retiredWords = new long[wordsFor(words)];
        hint = firstPage;
        mark(0, firstPage);
        mark(endPage, words << WORD_SHIFT);
        // Words that do not exist are full, so a search for room ends in the window or at its end.
        for (int word = words; word < fullWords.length << WORD_SHIFT; word++) {
            fullWords[word >>> WORD_SHIFT] |= 1L << word;
        }
        freePages = endPage - firstPage;
    }

    private static int wordsFor(int bits) {
        return bits + Long.SIZE - 1 >>> WORD_SHIFT;
    }

    @Override
    public long allocate(int pages) {
        if (pages <= 0) {
            throw new IllegalArgumentException("pages=" + pages + " is not positive");
        }
        int page = pages == 1 ? nextFree(hint) : nextRun(pages);
        if (page >= endPage) {
            return NONE;
        }
        if (pages == 1) {
            setUsed(page >>> WORD_SHIFT, 1L << page);
        } else {
            mark(page, page + pages);
        }
        hint = page + pages;
        freePages -= pages;
        return page;
    }

    /** The first free page from {@code from}, or {@code endPage}. */
    private int nextFree(int from) {
        if (from >= endPage) {
            return endPage;
        }
        int word = from >>> WORD_SHIFT;
        long free = ~used[word] & -1L << from;
        if (free == 0) {
            word = nextWordWithRoom(word + 1);
            if (word >= words) {
                return endPage;
            }
            free = ~used[word];
        }
        return (word << WORD_SHIFT) + Long.numberOfTrailingZeros(free);
    }

    private int nextWordWithRoom(int from) {
        int group = from >>> WORD_SHIFT;
        if (group >= fullWords.length) {
            return words;
        }
        long room = ~fullWords[group] & -1L << from;
        while (room == 0) {
            if (++group == fullWords.length) {
                return words;
            }
            room = ~fullWords[group];
        }
        return (group << WORD_SHIFT) + Long.numberOfTrailingZeros(room);
    }

    /** The first page of a free run from the hint, or {@code endPage}. */
    private int nextRun(int pages) {
        if (pages > freePages || pages >= failedPages) {
            return endPage;
        }
        int start = nextFree(hint);
        while (start < endPage && pages <= endPage - start) {
            int end = nextUsed(start, start + pages);
            if (end == start + pages) {
                return start;
            }
            start = nextFree(end);
        }
        if (hint == firstPage) {
            failedPages = pages;
        }
        return endPage;
    }

    /** The first used page from {@code from}, or {@code end}. */
    private int nextUsed(int from, int end) {
        int word = from >>> WORD_SHIFT;
        long taken = used[word] & -1L << from;
        while (taken == 0) {
            word++;
            if (word << WORD_SHIFT >= end) {
                return end;
            }
            taken = used[word];
        }
        return Math.min(end, (word << WORD_SHIFT) + Long.numberOfTrailingZeros(taken));
    }

    @Override
    public void free(long page, int pages) {
        int first = checkAllocated(page, pages);
        for (int at = first, end = first + pages; at < end; ) {
            int word = at >>> WORD_SHIFT;
            long mask = mask(at, end);
            used[word] &= ~mask;
            fullWords[word >>> WORD_SHIFT] &= ~(1L << word);
            at += Long.bitCount(mask);
        }
        freePages += pages;
        failedPages = Integer.MAX_VALUE;
    }

    @Override
    public void retire(long page, int pages) {
        int first = checkAllocated(page, pages);
        for (int at = first, end = first + pages; at < end; ) {
            int word = at >>> WORD_SHIFT;
            long mask = mask(at, end);
            retired[word] |= mask;
            retiredWords[word >>> WORD_SHIFT] |= 1L << word;
            at += Long.bitCount(mask);
        }
        retiredPages += pages;
    }

    @Override
    public void rollOver() {
        hint = firstPage;
        if (retiredPages == 0) {
            return;
        }
        for (int group = 0; group < retiredWords.length; group++) {
            for (long left = retiredWords[group]; left != 0; left &= left - 1) {
                int word = (group << WORD_SHIFT) + Long.numberOfTrailingZeros(left);
                used[word] &= ~retired[word];
                retired[word] = 0;
            }
            fullWords[group] &= ~retiredWords[group];
            retiredWords[group] = 0;
        }
        freePages += retiredPages;
        retiredPages = 0;
        failedPages = Integer.MAX_VALUE;
    }

    @Override
    public long freePages() {
        return freePages;
    }

    @Override
    public long retiredPages() {
        return retiredPages;
    }

    private int checkAllocated(long page, int pages) {
        if (page < firstPage || pages <= 0 || pages > endPage - page) {
            throw notAllocated(page, pages);
        }
        int first = (int) page;
        for (int at = first, end = first + pages; at < end; ) {
            int word = at >>> WORD_SHIFT;
            long mask = mask(at, end);
            if ((used[word] & ~retired[word] & mask) != mask) {
                throw notAllocated(page, pages);
            }
            at += Long.bitCount(mask);
        }
        return first;
    }

    private static IllegalArgumentException notAllocated(long page, int pages) {
        return new IllegalArgumentException(
                "page=%d pages=%d is not allocated".formatted(page, pages));
    }

    private void mark(int first, int end) {
        for (int at = first; at < end; ) {
            long mask = mask(at, end);
            setUsed(at >>> WORD_SHIFT, mask);
            at += Long.bitCount(mask);
        }
    }

    private void setUsed(int word, long mask) {
        long now = used[word] | mask;
        used[word] = now;
        if (now == -1L) {
            fullWords[word >>> WORD_SHIFT] |= 1L << word;
        }
    }

    /** The bits of the word of {@code at} that lie from {@code at} to before {@code end}. */
    private static long mask(int at, int end) {
        long mask = -1L << at;
        int wordEnd = (at | Long.SIZE - 1) + 1;
        return end >= wordEnd ? mask : mask & ~(-1L << end);
    }
}
