package dev.outboard.dma.pool;

import java.util.Arrays;

/**
 * The pages of a pool by their index, from 1 on, so that a stack of pages is one word. The refill
 * thread writes, and whoever opens and closes the pool; any thread reads.
 *
 * <p>A page that was looked up by an index out of a stack's word is that page if the word has not
 * changed since; otherwise it may be another, or null.
 */
final class PageTable {
    /** Bits of an index. */
    static final int INDEX_BITS = 24;

    private static final int CHUNK_SHIFT = 10;
    private static final int CHUNK = 1 << CHUNK_SHIFT;
    private static final int MOST = (1 << INDEX_BITS) - 1;

    private final PoolPage[][] chunks = new PoolPage[1 << INDEX_BITS - CHUNK_SHIFT][];

    /** Indexes of pages that have gone: a stack. */
    private int[] vacant = new int[CHUNK];

    private int vacancies;
    private int end = 1;

    PoolPage at(int index) {
        PoolPage[] chunk = chunks[index >>> CHUNK_SHIFT];
        return chunk == null ? null : chunk[index & CHUNK - 1];
    }

    /** An index for one more page, or 0 if there are none left. */
    int nextIndex() {
        if (vacancies > 0) {
            return vacant[--vacancies];
        }
        return end > MOST ? 0 : end++;
    }

    void add(PoolPage page) {
        int index = page.index();
        PoolPage[] chunk = chunks[index >>> CHUNK_SHIFT];
        if (chunk == null) {
            chunk = new PoolPage[CHUNK];
            chunks[index >>> CHUNK_SHIFT] = chunk;
        }
        chunk[index & CHUNK - 1] = page;
    }

    void remove(PoolPage page) {
        int index = page.index();
        chunks[index >>> CHUNK_SHIFT][index & CHUNK - 1] = null;
        vacate(index);
    }

    /** The index was given out and no page was made of it. */
    void vacate(int index) {
        if (vacancies == vacant.length) {
            vacant = Arrays.copyOf(vacant, 2 * vacant.length);
        }
        vacant[vacancies++] = index;
    }

    /** Pages there are. */
    int count() {
        return end - 1 - vacancies;
    }

    /** Pages there are with a first byte in this range. */
    int countWithin(long startAddress, long lengthBytes) {
        int count = 0;
        for (int index = 1; index < end; index++) {
            PoolPage page = at(index);
            count += page != null && page.isWithin(startAddress, lengthBytes) ? 1 : 0;
        }
        return count;
    }
}
