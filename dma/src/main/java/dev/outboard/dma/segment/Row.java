package dev.outboard.dma.segment;

/**
 * The segments of a word: the one that reaches in from below, or null, then those marked in it.
 *
 * <p>The first that is marked in a word founds its home: handles born there are the home and the
 * number of the bit. A bit stays used while the home lasts. Immutable; shared by words that have
 * nothing but the same segment.
 *
 * @param used bits whose handles some segment has or had; all of them where the first that is
 *     marked was born elsewhere
 */
record Row(long home, long used, Segment[] segments) {
    /** No segment. */
    static final Row EMPTY = of(null);

    /** A base of a word: some segment marked in it was not born where it is. */
    static final long LISTED = -1;

    private static final int BIT_MASK = 63;

    /** Nothing but a segment that reaches in. */
    static Row of(Segment segment) {
        return new Row(0, 0, new Segment[] {segment});
    }

    /** The same with another segment that reaches in, or null. */
    Row reached(Segment segment) {
        if (segments.length == 1) {
            return segment == null ? EMPTY : of(segment);
        }
        var copy = segments.clone();
        copy[0] = segment;
        return new Row(home, used, copy);
    }

    /** With one more that is marked, after {@code below} of them. */
    Row marked(Segment segment, int below) {
        var more = new Segment[segments.length + 1];
        System.arraycopy(segments, 0, more, 0, below + 1);
        more[below + 1] = segment;
        System.arraycopy(segments, below + 1, more, below + 2, more.length - below - 2);
        long bit = 1L << segment.mark();
        long its = homeOf(segment);
        if (its == home) {
            return new Row(home, used | bit, more);
        }
        return segments.length == 1
                ? new Row(its, segment.isMarkedAtBirth() ? bit : -1, more)
                : new Row(home, used, more);
    }

    /** Without the one that is marked after {@code below} others. */
    Row unmarked(int below) {
        var fewer = new Segment[segments.length - 1];
        System.arraycopy(segments, 0, fewer, 0, below + 1);
        System.arraycopy(segments, below + 2, fewer, below + 1, fewer.length - below - 1);
        return new Row(home, used, fewer);
    }

    private static long homeOf(Segment segment) {
        return segment.handle() - (segment.mark() & BIT_MASK);
    }

    /** The home, if all that are marked have handles of it; or LISTED. */
    long base() {
        for (int at = 1; at < segments.length; at++) {
            if (homeOf(segments[at]) != home) {
                return LISTED;
            }
        }
        return home;
    }

    /**
     * A handle of the home for a segment born at a frame; or LISTED if there is no home, or one was
     * born there before.
     */
    long handleFor(long frame) {
        boolean isFree = segments.length > 1 && (used >>> frame & 1) == 0;
        return isFree ? home + (frame & BIT_MASK) : LISTED;
    }
}
