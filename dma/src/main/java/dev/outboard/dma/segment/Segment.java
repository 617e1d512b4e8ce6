package dev.outboard.dma.segment;

/**
 * A segment as it was from one change to the next. Immutable but for the hint, which all versions
 * of a segment share.
 *
 * @param identity what all versions share
 * @param mark where the directory looks for its start: {@code start}, or a frame shortly before
 *     that was unplugged
 */
record Segment(Identity identity, SegmentRange range, long mark) {

    /** What a segment keeps while it lives. Any thread. */
    static final class Identity {
        private final long handle;
        private final long birth;
        private volatile long hint;

        private Identity(long handle, SegmentRange range) {
            this.handle = handle;
            birth = range.start();
            hint = range.availStart();
        }
    }

    /** A new one. */
    static Segment born(long handle, SegmentRange range) {
        return new Segment(new Identity(handle, range), range, range.start());
    }

    long handle() {
        return identity.handle;
    }

    long start() {
        return range.start();
    }

    long end() {
        return range.end();
    }

    /** Whether it is still looked for where it was born, which its handle says. */
    boolean isMarkedAtBirth() {
        return mark == identity.birth;
    }

    /** What is left below {@code frame}; the handle stays. */
    Segment endingAt(long frame) {
        return new Segment(identity, range.within(start(), frame), mark);
    }

    /** What is left from {@code frame} on; the handle stays. */
    Segment startingAt(long frame) {
        long newMark = Leaf.isSameWord(mark, frame) ? mark : frame;
        return new Segment(identity, range.within(frame, end()), newMark);
    }

    /** Looked for at its very start from now on: somebody else comes between. */
    Segment markedAtStart() {
        return new Segment(identity, range, start());
    }

    void place(long frame, SegmentPlace into) {
        into.set(handle(), start(), end(), frame - start());
    }

    long value(SegmentValue value) {
        return switch (value) {
            case START -> start();
            case END -> end();
            case AVAIL_START -> range.availStart();
            case AVAIL_END -> range.availEnd();
            case FREE_LIST -> range.freeList();
            // Or the nearest frame that is left.
            case START_HINT -> Math.clamp(identity.hint, start(), end());
        };
    }

    void setHint(long frame) {
        identity.hint = frame;
    }
}
