package dev.outboard.dma.segment;

import java.util.Arrays;

/**
 * 16,384 frames of the directory, 64 MiB, in words of 64.
 *
 * <pre>
 *   words, 24 bytes for 64 frames:
 *     +0  plugged   bit n: frame n is there
 *     +1  marks     bit n: frame n, or the next that is there, begins a segment
 *     +2  base      the segment marked at n has handle base + n; LISTED: look in its row
 *   after them all, 8 bytes for 64 frames:
 *         carry     the handle of the segment that reaches in from below the first mark
 *   rows            for each word: its segments
 * </pre>
 *
 * <p>So a look-up reads one word, seldom more than one line of the cache, and searches nothing.
 * Changed by the edit that made it, until that is published; then never again.
 */
final class Leaf {
    /** How many bits of a frame number say where in a leaf it is. */
    static final int SHIFT = 14;

    static final int FRAMES = 1 << SHIFT;

    /** How many bits of a frame number say where in a word it is. */
    static final int WORD_SHIFT = 6;

    /** Longs of a word, and what they are. */
    static final int LONGS = 3;

    static final int PLUGGED = 0;
    static final int MARKS = 1;
    static final int BASE = 2;

    static final int WORDS = FRAMES >> WORD_SHIFT;

    /** Where the carry of the first word is. */
    static final int CARRIES = LONGS * WORDS;

    private static final int WORD_MASK = (1 << WORD_SHIFT) - 1;

    /** No frame is there. */
    static final Leaf EMPTY = empty(null);

    final long[] words;
    private final Row[] rows;

    /** Of the edit that may change it: not the edit itself, which holds what was before. */
    private final Object edit;

    private Leaf(long[] words, Row[] rows, Object edit) {
        this.words = words;
        this.rows = rows;
        this.edit = edit;
    }

    private static Leaf empty(Object edit) {
        var rows = new Row[WORDS];
        Arrays.fill(rows, Row.EMPTY);
        return new Leaf(new long[CARRIES + WORDS], rows, edit);
    }

    /** All frames belong to one segment, which begins below. */
    static Leaf within(Segment segment) {
        var leaf = empty(null);
        for (int word = 0; word < WORDS; word++) {
            leaf.words[LONGS * word + PLUGGED] = -1;
            leaf.words[CARRIES + word] = segment.handle();
        }
        Arrays.fill(leaf.rows, Row.of(segment));
        return leaf;
    }

    /** This leaf if the edit with that token made it, or a copy that it may change. */
    Leaf editable(Object by) {
        return edit == by ? this : new Leaf(words.clone(), rows.clone(), by);
    }

    boolean isEmpty() {
        for (int at = 0; at < CARRIES; at += LONGS) {
            if ((words[at + PLUGGED] | words[at + MARKS]) != 0) {
                return false;
            }
        }
        return true;
    }

    static boolean isSameWord(long frame, long other) {
        return frame >>> WORD_SHIFT == other >>> WORD_SHIFT;
    }

    /** After the last frame of a frame's word. */
    static long wordEnd(long frame) {
        return (frame | WORD_MASK) + 1;
    }

    private static int word(long frame) {
        return (int) (frame >>> WORD_SHIFT) & WORDS - 1;
    }

    /** The segment of a frame, or null. */
    Segment at(long frame) {
        int word = word(frame);
        if ((words[LONGS * word + PLUGGED] >>> frame & 1) == 0) {
            return null;
        }
        return rows[word].segments()[rank(word, frame)];
    }

    /** How many marks there are up to a frame. */
    private int rank(int word, long frame) {
        return Long.bitCount(words[LONGS * word + MARKS] << ~frame);
    }

    /** The first frame of the leaf that is there, from this one on, as an offset; or FRAMES. */
    int firstFrom(int offset) {
        long mask = -1L << offset;
        for (int word = offset >>> WORD_SHIFT; word < WORDS; word++) {
            long plugged = words[LONGS * word + PLUGGED] & mask;
            if (plugged != 0) {
                return word << WORD_SHIFT | Long.numberOfTrailingZeros(plugged);
            }
            mask = -1;
        }
        return FRAMES;
    }

    /** The last frame of the leaf that is there, up to this one, as an offset; or -1. */
    int lastUpTo(int offset) {
        long mask = -1L >>> ~offset;
        for (int word = offset >>> WORD_SHIFT; word >= 0; word--) {
            long plugged = words[LONGS * word + PLUGGED] & mask;
            if (plugged != 0) {
                return word << WORD_SHIFT | WORD_MASK - Long.numberOfLeadingZeros(plugged);
            }
            mask = -1;
        }
        return -1;
    }

    /** The handle for a segment that is born at a frame, as its {@link Row} has it. */
    long handleFor(long frame) {
        return rows[word(frame)].handleFor(frame);
    }

    /**
     * Enters the part of a segment that lies in one word.
     *
     * @param from the first frame of the part: its mark, or the first of the word
     * @param to after the last
     * @param alone a row with nothing but the segment
     */
    void enter(Segment segment, long from, long to, Row alone) {
        int word = word(from);
        int at = LONGS * word;
        words[at + PLUGGED] |= bits(Math.max(from, segment.start()), to);
        if (from != segment.mark()) {
            words[CARRIES + word] = segment.handle();
            rows[word] = words[at + MARKS] == 0 ? alone : rows[word].reached(segment);
            return;
        }
        rows[word] = rows[word].marked(segment, rank(word, from));
        words[at + MARKS] |= 1L << from;
        words[at + BASE] = rows[word].base();
    }

    /** Takes out what {@link #enter} entered. */
    void leave(Segment segment, long from, long to) {
        int word = word(from);
        int at = LONGS * word;
        words[at + PLUGGED] &= ~bits(Math.max(from, segment.start()), to);
        if (from != segment.mark()) {
            words[CARRIES + word] = 0;
            rows[word] = rows[word].reached(null);
            return;
        }
        words[at + MARKS] &= ~(1L << from);
        rows[word] = rows[word].unmarked(rank(word, from));
        words[at + BASE] = rows[word].base();
    }

    /** The bits of a word's frames; none if the range is empty. */
    private static long bits(long from, long to) {
        return from >= to ? 0 : -1L << from & -1L >>> -to;
    }
}
