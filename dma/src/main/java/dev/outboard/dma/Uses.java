package dev.outboard.dma;

/**
 * How many buffers use one mapping or page, and the sum of their lengths, in one word: so an unmap
 * with a wrong length is refused where one buffer is left, and noticed with the last of several at
 * the latest.
 *
 * <pre>
 *   63         44 43                        0
 *   +------------+--------------------------+
 *   | uses       | lengths in sum, in bytes |
 *   +------------+--------------------------+
 * </pre>
 */
final class Uses {
    /** No word: there is no use like that. */
    static final long NONE = -1;

    private static final int COUNT_SHIFT = 44;
    private static final long ONE = 1L << COUNT_SHIFT;
    private static final long LENGTHS_MASK = ONE - 1;
    private static final long MOST = (1L << Long.SIZE - 1 - COUNT_SHIFT) - 1;

    private Uses() {}

    /** Whether one more of this length cannot be counted. */
    static boolean isFull(long word, int lengthBytes) {
        return count(word) == MOST || (word & LENGTHS_MASK) > LENGTHS_MASK - lengthBytes;
    }

    static long add(long word, int lengthBytes) {
        return word + ONE + lengthBytes;
    }

    /** The word without one use of this length, or {@link #NONE} if there cannot be such a one. */
    static long remove(long word, int lengthBytes) {
        long left = word - ONE - lengthBytes;
        // The last one takes the whole sum with it; before it, a byte must be left for each.
        boolean fits = left == 0 || left >= ONE && (left & LENGTHS_MASK) >= left >>> COUNT_SHIFT;
        return fits && lengthBytes > 0 ? left : NONE;
    }

    /** The sum of the lengths. */
    static long lengths(long word) {
        return word & LENGTHS_MASK;
    }

    static long count(long word) {
        return word >>> COUNT_SHIFT;
    }
}
