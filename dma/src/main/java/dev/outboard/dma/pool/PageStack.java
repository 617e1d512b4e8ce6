package dev.outboard.dma.pool;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Pages, the last one in first out, by any threads, without a lock: a thread that is stopped
 * anywhere in here holds up no other. Owned by a {@link PagePool} or a {@link PatientTaker}.
 *
 * <pre>
 *   63           38 37        24 23           0
 *  ┌───────────────┬────────────┬──────────────┐
 *  │ version       │ pages      │ index of top │     0: empty
 *  └───────────────┴────────────┴──────────────┘
 * </pre>
 *
 * <p>Every change raises the version, so that a word that looks the same is the same: a thread
 * would have to be stopped for exactly a multiple of 2^26 changes, some seconds at full speed, to
 * be mistaken. The number of pages is in the word, so that a taker that has to leave a reserve
 * looks and takes in one step. Compare-and-set is a full fence on each successful change: what
 * {@link RefillSignal} relies on.
 */
final class PageStack {
    private static final VarHandle WORD = MethodHandles.arrayElementVarHandle(long[].class);
    private static final int COUNT_BITS = 14;
    private static final int COUNT_SHIFT = PageTable.INDEX_BITS;
    private static final int VERSION_SHIFT = COUNT_SHIFT + COUNT_BITS;
    private static final int INDEX_MASK = (1 << PageTable.INDEX_BITS) - 1;
    private static final int COUNT_MASK = (1 << COUNT_BITS) - 1;

    /** The word has two cache lines to itself, for neighbours are fetched together. */
    private static final int AT = 16;

    private final long[] line = new long[2 * AT];
    private final PageTable table;
    private final boolean isCounted;

    private PageStack(PageTable table, boolean isCounted) {
        this.table = table;
        this.isCounted = isCounted;
    }

    /** One that knows how many pages it has, and holds 16,383 at most: who pushes sees to it. */
    static PageStack counted(PageTable table) {
        return new PageStack(table, true);
    }

    /** One for as many pages as there are. */
    static PageStack unbounded(PageTable table) {
        return new PageStack(table, false);
    }

    long word() {
        return (long) WORD.getAcquire(line, AT);
    }

    /** Volatile: partner of the volatile writes of who is about to sleep, and looks again. */
    private long wordNow() {
        return (long) WORD.getVolatile(line, AT);
    }

    private boolean change(long from, int pagesMore, int top) {
        long version = (from >>> VERSION_SHIFT) + 1;
        long pages = isCounted ? (from >>> COUNT_SHIFT & COUNT_MASK) + pagesMore : 0;
        long to = version << VERSION_SHIFT | pages << COUNT_SHIFT | top;
        return WORD.compareAndSet(line, AT, from, to);
    }

    /** Pages in it, if they are counted. */
    int count() {
        return (int) (wordNow() >>> COUNT_SHIFT) & COUNT_MASK;
    }

    boolean isEmpty() {
        return (wordNow() & INDEX_MASK) == 0;
    }

    /** The top page, or null. */
    PoolPage pop() {
        while (true) {
            long word = word();
            if (((int) word & INDEX_MASK) == 0) {
                return null;
            }
            PoolPage page = popIfStill(word);
            if (page != null) {
                return page;
            }
        }
    }

    /** The top page of a word that was read before, or null if anything has changed since. */
    PoolPage popIfStill(long word) {
        PoolPage page = table.at((int) word & INDEX_MASK);
        // Null if it was popped since, and has left the pool: then the word has changed.
        return page != null && change(word, -1, page.next()) ? page : null;
    }

    /**
     * Pops several at once, the top one first.
     *
     * @param keep pages that stay in it, if they are counted
     * @return how many were popped, at most {@code wanted}
     */
    int pop(PoolPage[] into, int wanted, int keep) {
        while (true) {
            long word = word();
            int most = wanted;
            if (isCounted) {
                most = Math.min(wanted, ((int) (word >>> COUNT_SHIFT) & COUNT_MASK) - keep);
            }
            int index = (int) word & INDEX_MASK;
            int popped = 0;
            while (popped < most && index != 0) {
                PoolPage page = table.at(index);
                if (page == null) {
                    break;
                }
                into[popped++] = page;
                index = page.next();
            }
            if (popped == 0 && (most <= 0 || ((int) word & INDEX_MASK) == 0)) {
                return 0;
            }
            // What was walked is only what it seemed if the word is still the same.
            if (popped > 0 && change(word, -popped, index)) {
                return popped;
            }
        }
    }

    void push(PoolPage page) {
        push(page, page, 1);
    }

    /** Pushes pages of an array, the first to be on top. */
    void push(PoolPage[] pages, int from, int to) {
        if (from < to) {
            for (int index = from; index < to - 1; index++) {
                pages[index].setNext(pages[index + 1].index());
            }
            push(pages[from], pages[to - 1], to - from);
        }
    }

    private void push(PoolPage first, PoolPage last, int pages) {
        long word;
        do {
            word = word();
            last.setNext((int) word & INDEX_MASK);
        } while (!change(word, pages, first.index()));
    }
}
