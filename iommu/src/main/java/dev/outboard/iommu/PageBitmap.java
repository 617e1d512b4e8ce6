package dev.outboard.iommu;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Which pages of a window are taken: one bit a page, and one bit for each word of those that is
 * full, so that a search passes 4,096 taken pages a step.
 *
 * <p>Either one thread has it and uses {@link #mark} and {@link #unmark}, or threads share it and
 * use {@link #tryClaim} and {@link #release}, which are atomic word by word. A search finds a
 * candidate; among threads only a claim makes it theirs. Nothing allocates after construction.
 *
 * <p>Among threads, the bit of a full word may lag behind its word: a word that has room is marked
 * full only for the moment until its marker has looked again, and a full one that is not marked
 * costs a search one step.
 */
final class PageBitmap {
    static final int WORD_SHIFT = 6;

    private static final VarHandle WORDS = MethodHandles.arrayElementVarHandle(long[].class);

    /** In a word, the pages at multiples of 1, 2, 4 … 64. */
    private static final long[] ALIGNED = {
        -1L,
        0x5555_5555_5555_5555L,
        0x1111_1111_1111_1111L,
        0x0101_0101_0101_0101L,
        0x0001_0001_0001_0001L,
        0x0000_0001_0000_0001L,
        1L
    };

    final int firstPage;
    final int endPage;

    /** One more than the window needs, always full, so that the end needs no check. */
    final long[] used;

    private final int words;
    private final long[] full;
    private long steps;

    PageBitmap(int firstPage, int endPage) {
        if (firstPage < 1 || endPage <= firstPage) {
            throw new IllegalArgumentException(
                    "firstPage=%d endPage=%d: the window starts at page 1 or later and is not empty"
                            .formatted(firstPage, endPage));
        }
        this.firstPage = firstPage;
        this.endPage = endPage;
        words = wordsFor(endPage);
        used = new long[words + 1];
        full = new long[wordsFor(words + 1)];
        mark(0, firstPage);
        mark(endPage, words + 1 << WORD_SHIFT);
        // Words that do not exist are full, so a search for room ends in the window or at its end.
        for (int word = words; word < full.length << WORD_SHIFT; word++) {
            full[word >>> WORD_SHIFT] |= 1L << word;
        }
    }

    static int wordsFor(int bits) {
        return bits + Long.SIZE - 1 >>> WORD_SHIFT;
    }

    /** The bits of the word of {@code at} that lie from {@code at} to before {@code end}. */
    static long mask(int at, int end) {
        long mask = -1L << at;
        int wordEnd = (at | Long.SIZE - 1) + 1;
        return end >= wordEnd ? mask : mask & ~(-1L << end);
    }

    /** Words looked at beyond the first of a search, by all searches. */
    long steps() {
        return steps;
    }

    private long free(int word) {
        // Opaque: among threads it is a hint, which a claim checks; alone it is a plain read.
        return ~(long) WORDS.getOpaque(used, word);
    }

    /** The first free page from {@code from}, or the end of the window. */
    int nextFree(int from) {
        int word = from >>> WORD_SHIFT;
        long free = free(word) & -1L << from;
        return free != 0
                ? (word << WORD_SHIFT) + Long.numberOfTrailingZeros(free)
                : nextFreeFromWord(word + 1);
    }

    private int nextFreeFromWord(int from) {
        for (int word = nextWordWithRoom(from); word < words; word = nextWordWithRoom(word + 1)) {
            long free = free(word);
            if (free != 0) {
                return (word << WORD_SHIFT) + Long.numberOfTrailingZeros(free);
            }
        }
        return endPage;
    }

    private int nextWordWithRoom(int from) {
        int group = from >>> WORD_SHIFT;
        if (group >= full.length) {
            return words;
        }
        steps++;
        long room = ~(long) WORDS.getOpaque(full, group) & -1L << from;
        while (room == 0) {
            if (++group == full.length) {
                return words;
            }
            steps++;
            room = ~(long) WORDS.getOpaque(full, group);
        }
        return (group << WORD_SHIFT) + Long.numberOfTrailingZeros(room);
    }

    /**
     * The first page, from {@code from} and before {@code limit}, of a free run at a multiple of
     * {@code alignment}; or the end of the window.
     */
    int nextRun(int from, int limit, int pages, int alignment) {
        if (alignment == 1) {
            return nextRun(from, limit, pages);
        }
        return pages <= alignment && alignment <= Long.SIZE
                ? nextRunInWord(from, limit, pages, alignment)
                : nextAlignedRun(from, limit, pages, alignment);
    }

    private int nextRun(int from, int limit, int pages) {
        int word = from >>> WORD_SHIFT;
        long free = free(word) & -1L << from;
        int before = 0;
        while (word << WORD_SHIFT < limit) {
            int start = (word << WORD_SHIFT) - before;
            if (before + Long.numberOfTrailingZeros(~free) >= pages) {
                return start < limit ? start : endPage;
            }
            long starts = pages <= Long.SIZE ? starts(free, pages) : 0;
            if (starts != 0) {
                int page = (word << WORD_SHIFT) + Long.numberOfTrailingZeros(starts);
                return page < limit ? page : endPage;
            }
            before = free == -1L ? before + Long.SIZE : Long.numberOfLeadingZeros(~free);
            word = before == 0 ? nextWordWithRoom(word + 1) : word + 1;
            steps++;
            if (word >= words) {
                return endPage;
            }
            free = free(word);
        }
        return finishRun(word, before, limit, pages);
    }

    /** A run that began before the limit may end beyond it. */
    private int finishRun(int fromWord, int free, int limit, int pages) {
        int start = (fromWord << WORD_SHIFT) - free;
        return free > 0
                        && start < limit
                        && start + pages <= endPage
                        && nextUsed(start, start + pages) == start + pages
                ? start
                : endPage;
    }

    /** Where in a word {@code pages} free pages begin that all lie in it. */
    private static long starts(long free, int pages) {
        long starts = free;
        for (int length = 1; length < pages; ) {
            int shift = Math.min(length, pages - length);
            starts &= starts >>> shift;
            length += shift;
        }
        return starts;
    }

    /** An aligned run that is no longer than its alignment lies in one word. */
    private int nextRunInWord(int from, int limit, int pages, int alignment) {
        long aligned = ALIGNED[Integer.numberOfTrailingZeros(alignment)];
        int word = from >>> WORD_SHIFT;
        long free = free(word) & -1L << from;
        while (true) {
            long starts = starts(free, pages) & aligned;
            if (starts != 0) {
                int page = (word << WORD_SHIFT) + Long.numberOfTrailingZeros(starts);
                return page < limit ? page : endPage;
            }
            word = nextWordWithRoom(word + 1);
            if (word >= words || word << WORD_SHIFT >= limit) {
                return endPage;
            }
            steps++;
            free = free(word);
        }
    }

    private int nextAlignedRun(int from, int limit, int pages, int alignment) {
        int mask = alignment - 1;
        int start = nextFree(from) + mask & ~mask;
        // The sum overflows for an alignment near the largest; then there is no such page either.
        while (start >= 0 && start < limit && pages <= endPage - start) {
            int end = nextUsed(start, start + pages);
            if (end == start + pages) {
                return start;
            }
            start = nextFree(end) + mask & ~mask;
        }
        return endPage;
    }

    /** The first taken page from {@code from}, or {@code end}. */
    int nextUsed(int from, int end) {
        int word = from >>> WORD_SHIFT;
        long taken = ~free(word) & -1L << from;
        while (taken == 0) {
            word++;
            if (word << WORD_SHIFT >= end) {
                return end;
            }
            steps++;
            taken = ~free(word);
        }
        return Math.min(end, (word << WORD_SHIFT) + Long.numberOfTrailingZeros(taken));
    }

    /** The first page of the free pages that end before {@code end}, but not below a limit. */
    int freeBefore(int end, int limit) {
        int at = end;
        while (at > limit) {
            int word = at - 1 >>> WORD_SHIFT;
            long taken = ~free(word) & mask(word << WORD_SHIFT, at);
            if (taken != 0) {
                return Math.max(limit, (word + 1 << WORD_SHIFT) - Long.numberOfLeadingZeros(taken));
            }
            at = word << WORD_SHIFT;
            steps++;
        }
        return limit;
    }

    /** One thread only: takes free pages. */
    void mark(int first, int end) {
        for (int at = first; at < end; ) {
            long mask = mask(at, end);
            markWord(at >>> WORD_SHIFT, mask);
            at += Long.bitCount(mask);
        }
    }

    /** One thread only: takes free pages of one word. */
    void markWord(int word, long mask) {
        long now = used[word] | mask;
        used[word] = now;
        if (now == -1L) {
            full[word >>> WORD_SHIFT] |= 1L << word;
        }
    }

    /** One thread only: gives taken pages of one word back. */
    void unmarkWord(int word, long mask) {
        long was = used[word];
        used[word] = was & ~mask;
        if (was == -1L) {
            full[word >>> WORD_SHIFT] &= ~(1L << word);
        }
    }

    /** Takes pages if all are free; else changes nothing. */
    boolean tryClaim(int first, int end) {
        for (int at = first; at < end; ) {
            long mask = mask(at, end);
            if (!tryClaimWord(at >>> WORD_SHIFT, mask)) {
                release(first, at);
                return false;
            }
            at += Long.bitCount(mask);
        }
        return true;
    }

    /** Takes pages of one word if all are free. */
    boolean tryClaimWord(int word, long mask) {
        long was = (long) WORDS.getOpaque(used, word);
        while ((was & mask) == 0) {
            // Acquire: pairs with releaseWord, so that whoever had the pages is done with them.
            long seen = (long) WORDS.compareAndExchangeAcquire(used, word, was, was | mask);
            if (seen == was) {
                if ((was | mask) == -1L) {
                    markFull(word);
                }
                return true;
            }
            was = seen;
        }
        return false;
    }

    private void markFull(int word) {
        long bit = 1L << word;
        int group = word >>> WORD_SHIFT;
        WORDS.getAndBitwiseOr(full, group, bit);
        // Whoever frees clears the word, then its full bit, both atomically and in order; looking
        // again after setting the bit leaves no order in which a word with room stays marked.
        if ((long) WORDS.getVolatile(used, word) != -1L) {
            WORDS.getAndBitwiseAnd(full, group, ~bit);
        }
    }

    /** Gives claimed pages back, from any thread. */
    void release(int first, int end) {
        for (int at = first; at < end; ) {
            long mask = mask(at, end);
            releaseWord(at >>> WORD_SHIFT, mask);
            at += Long.bitCount(mask);
        }
    }

    /** Gives claimed pages of one word back, from any thread. */
    void releaseWord(int word, long mask) {
        long was = (long) WORDS.getAndBitwiseAnd(used, word, ~mask);
        if (was == -1L) {
            WORDS.getAndBitwiseAnd(full, word >>> WORD_SHIFT, ~(1L << word));
        }
    }
}
