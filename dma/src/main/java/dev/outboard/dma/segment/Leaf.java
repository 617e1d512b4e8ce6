package dev.outboard.dma.segment;

import java.util.Arrays;

/**
 * 4,096 frames of the directory, in words of 64.
 *
 * <pre>
 *   words, 32 bytes for 64 frames:
 *     +0  plugged   bit n: frame n is there
 *     +1  marks     bit n: frame n, or the next that is there, begins a segment
 *     +2  base      the segment marked at n has handle base + n; LISTED: look in its row
 *     +3  carry     the handle of the segment that reaches in from below the first mark
 *   births          for each word: the base that handles born in it share, and which are used
 *   rows            for each word: the segment that reaches in, or null; then those marked
 * </pre>
 *
 * <p>So a look-up reads one word: no search, and no branch that depends on where the frame is.
 * Changed by the edit that made it, until that is published; then never again.
 */
final class Leaf {
    /** How many bits of a frame number say where in a leaf it is. */
    static final int SHIFT = 12;

    static final int FRAMES = 1 << SHIFT;

    /** Offsets in a word. */
    static final int PLUGGED = 0;

    static final int MARKS = 1;
    static final int BASE = 2;
    static final int CARRY = 3;

    /** A base: some segment marked in this word was not born where it is. */
    static final long LISTED = -1;

    private static final int WORD_SHIFT = 6;
    private static final int WORD_FRAMES = 1 << WORD_SHIFT;
    private static final int WORD_MASK = WORD_FRAMES - 1;
    private static final int WORDS = FRAMES / WORD_FRAMES;
    private static final int LONGS = 4;
    private static final int HOME = 0;
    private static final int USED = 1;
    private static final int BIRTHS = 2;
    private static final Segment[] NOBODY = {null};

    /** No frame is there. */
    static final Leaf EMPTY = empty(null);

    final long[] words;
    private final long[] births;
    private final Segment[][] rows;

    /** Who may change it. */
    private final DirectoryEdit edit;

    private Leaf(long[] words, long[] births, Segment[][] rows, DirectoryEdit edit) {
        this.words = words;
        this.births = births;
        this.rows = rows;
        this.edit = edit;
    }

    private static Leaf empty(DirectoryEdit edit) {
        var rows = new Segment[WORDS][];
        Arrays.fill(rows, NOBODY);
        return new Leaf(new long[LONGS * WORDS], new long[BIRTHS * WORDS], rows, edit);
    }

    /** All frames belong to one segment, which begins below. */
    static Leaf within(Segment segment) {
        var leaf = empty(null);
        for (int word = 0; word < WORDS; word++) {
            leaf.words[LONGS * word + PLUGGED] = -1;
            leaf.words[LONGS * word + CARRY] = segment.handle();
        }
        Arrays.fill(leaf.rows, new Segment[] {segment});
        return leaf;
    }

    /** This leaf if the edit made it, or a copy that it may change. */
    Leaf editable(DirectoryEdit by) {
        return edit == by ? this : new Leaf(words.clone(), births.clone(), rows.clone(), by);
    }

    boolean isEmpty() {
        for (int at = 0; at < words.length; at += LONGS) {
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
        return rows[word][rank(word, frame)];
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

    /**
     * The handle for a segment that is born at a frame if it is to be found without a row; or
     * LISTED if there is none: nothing is marked in the word yet, or one was born here before.
     */
    long handleFor(long frame) {
        int word = word(frame);
        boolean hasHome = words[LONGS * word + MARKS] != 0;
        boolean isUsed = (births[BIRTHS * word + USED] >>> frame & 1) != 0;
        return hasHome && !isUsed ? births[BIRTHS * word + HOME] + (frame & WORD_MASK) : LISTED;
    }

    /**
     * Enters the part of a segment that lies in one word.
     *
     * @param from the first frame of the part: its mark, or the first of the word
     * @param to after the last
     * @param alone an array with nothing but the segment
     */
    void enter(Segment segment, long from, long to, Segment[] alone) {
        int word = word(from);
        int at = LONGS * word;
        words[at + PLUGGED] |= bits(Math.max(from, segment.start()), to);
        if (from != segment.mark()) {
            words[at + CARRY] = segment.handle();
            rows[word] = words[at + MARKS] == 0 ? alone : replaced(rows[word], segment);
            return;
        }
        rows[word] = inserted(rows[word], rank(word, from) + 1, segment);
        words[at + MARKS] |= 1L << from;
        makeHome(word, segment);
        words[at + BASE] = base(word);
    }

    /** Takes out what {@link #enter} entered. */
    void leave(Segment segment, long from, long to) {
        int word = word(from);
        int at = LONGS * word;
        words[at + PLUGGED] &= ~bits(Math.max(from, segment.start()), to);
        if (from != segment.mark()) {
            words[at + CARRY] = 0;
            rows[word] = words[at + MARKS] == 0 ? NOBODY : replaced(rows[word], null);
            return;
        }
        rows[word] = removed(rows[word], rank(word, from));
        words[at + MARKS] &= ~(1L << from);
        words[at + BASE] = base(word);
    }

    /** The bits of a word's frames; none if the range is empty. */
    private static long bits(long from, long to) {
        return from >= to ? 0 : -1L << from & -1L >>> -to;
    }

    private static Segment[] replaced(Segment[] row, Segment first) {
        var copy = row.clone();
        copy[0] = first;
        return copy;
    }

    private static Segment[] inserted(Segment[] row, int at, Segment segment) {
        var more = new Segment[row.length + 1];
        System.arraycopy(row, 0, more, 0, at);
        more[at] = segment;
        System.arraycopy(row, at, more, at + 1, row.length - at);
        return more;
    }

    private static Segment[] removed(Segment[] row, int at) {
        var fewer = new Segment[row.length - 1];
        System.arraycopy(row, 0, fewer, 0, at);
        System.arraycopy(row, at + 1, fewer, at, fewer.length - at);
        return fewer;
    }

    /**
     * The first that is marked in a word founds its home. What was born there stays used while the
     * home lasts; in the home of one that was born elsewhere nobody is born.
     */
    private void makeHome(int word, Segment segment) {
        int at = BIRTHS * word;
        long bit = 1L << segment.mark();
        long home = segment.handle() - (segment.mark() & WORD_MASK);
        if (births[at + HOME] == home) {
            births[at + USED] |= bit;
        } else if (words[LONGS * word + MARKS] == bit) {
            births[at + HOME] = home;
            births[at + USED] = segment.isMarkedAtBirth() ? bit : -1;
        }
    }

    /** The home, if all that are marked were born in it; or LISTED. */
    private long base(int word) {
        long home = births[BIRTHS * word + HOME];
        var row = rows[word];
        long marks = words[LONGS * word + MARKS];
        for (int at = 1; marks != 0; at++, marks &= marks - 1) {
            if (row[at].handle() != home + Long.numberOfTrailingZeros(marks)) {
                return LISTED;
            }
        }
        return home;
    }
}
