package dev.outboard.perf.pattern;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Fills and checks pieces of memory with a pattern of a seed.
 *
 * <pre>
 *   word j of a piece = table[j] xor key        table[j] = mix(seed, j)
 *                                               key      = mix(seed, number, part)
 * </pre>
 *
 * <p>Words are 8 bytes, little-endian; a piece that is no multiple of 8 ends with the low bytes of
 * a word. Two words agree by chance with a probability of 2<sup>-64</sup>, so data from another
 * seed, another message, another part or another position is found, and so is a single changed bit.
 * One load, two exclusive ors and one or a word: the table stays in the first-level cache.
 *
 * <p>Immutable; any thread. Nothing allocates but the constructor.
 */
public final class Pattern {
    private static final ValueLayout.OfLong WORD =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final long GOLDEN = 0x9E37_79B9_7F4A_7C15L;
    private static final int WORD_BYTES = 8;

    private final long seed;
    private final int maximumBytes;
    private final long[] table;

    /** The pattern of {@code seed} for pieces of at most {@code maximumBytes}. */
    public Pattern(long seed, int maximumBytes) {
        if (maximumBytes <= 0) {
            throw new IllegalArgumentException("maximumBytes=" + maximumBytes + " is not positive");
        }
        this.seed = seed;
        this.maximumBytes = maximumBytes;
        table = new long[(maximumBytes + WORD_BYTES - 1) / WORD_BYTES];
        for (int j = 0; j < table.length; j++) {
            table[j] = mix(seed + GOLDEN * (j + 1L));
        }
    }

    /** The seed. */
    public long seed() {
        return seed;
    }

    /** The key of part {@code part} of message, or block, {@code number}. */
    public long key(long number, long part) {
        return mix(mix(number ^ seed) + GOLDEN * (part + 1));
    }

    /** Writes the piece that {@code key} names. */
    public void fill(MemorySegment memory, long offset, int lengthBytes, long key) {
        check(lengthBytes);
        int words = lengthBytes / WORD_BYTES;
        for (int j = 0; j < words; j++) {
            memory.set(WORD, offset + (long) j * WORD_BYTES, table[j] ^ key);
        }
        for (int i = words * WORD_BYTES; i < lengthBytes; i++) {
            memory.set(ValueLayout.JAVA_BYTE, offset + i, expected(i, key));
        }
    }

    /**
     * Compares every byte of a piece.
     *
     * @return the first byte that differs, counted from {@code offset}, or -1 where all agree
     */
    public int mismatch(MemorySegment memory, long offset, int lengthBytes, long key) {
        check(lengthBytes);
        int words = lengthBytes / WORD_BYTES;
        long difference = 0;
        for (int j = 0; j < words; j++) {
            difference |= memory.get(WORD, offset + (long) j * WORD_BYTES) ^ table[j] ^ key;
        }
        for (int i = words * WORD_BYTES; i < lengthBytes; i++) {
            difference |= memory.get(ValueLayout.JAVA_BYTE, offset + i) ^ expected(i, key);
        }
        return difference == 0 ? -1 : firstMismatch(memory, offset, lengthBytes, key);
    }

    private int firstMismatch(MemorySegment memory, long offset, int lengthBytes, long key) {
        for (int i = 0; i < lengthBytes; i++) {
            if (memory.get(ValueLayout.JAVA_BYTE, offset + i) != expected(i, key)) {
                return i;
            }
        }
        // It differed when it was looked at first and agrees now: somebody wrote while we read.
        return 0;
    }

    private byte expected(int index, long key) {
        long word = table[index / WORD_BYTES] ^ key;
        return (byte) (word >>> (index % WORD_BYTES * Byte.SIZE));
    }

    private void check(int lengthBytes) {
        if (lengthBytes < 0 || lengthBytes > maximumBytes) {
            throw new IndexOutOfBoundsException(
                    "lengthBytes=" + lengthBytes + " maximumBytes=" + maximumBytes);
        }
    }

    /** The finaliser of SplitMix64 (Steele, Lea, Flood 2014). */
    private static long mix(long value) {
        long z = (value ^ (value >>> 30)) * 0xBF58_476D_1CE4_E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D0_49BB_1331_11EBL;
        return z ^ (z >>> 31);
    }
}
