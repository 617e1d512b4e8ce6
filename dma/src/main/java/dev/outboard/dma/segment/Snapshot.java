package dev.outboard.dma.segment;

/**
 * All segments at one moment. Immutable but during boot, when one thread changes the array that
 * takes them in. Looking up allocates nothing.
 */
abstract sealed class Snapshot permits Directory, RedBlackTree {
    /** Segments of boot; null once memory is up. */
    final SegmentArray boot;

    final HandleTable handles;
    final int count;

    Snapshot(SegmentArray boot, HandleTable handles, int count) {
        this.boot = boot;
        this.handles = handles;
        this.count = count;
    }

    /** The handle of a frame's segment, or INVALID. */
    abstract long find(long frame);

    /** The segment that has a frame, or null. */
    abstract Segment at(long frame);

    /** The segment that has a frame, or the first above it, or null. */
    abstract Segment from(long frame);

    /** The segment that has a frame, or the last below it, or null. */
    abstract Segment upTo(long frame);

    /** With a segment that overlaps none. */
    abstract Snapshot plugged(Segment segment);

    /**
     * With what is left of a segment.
     *
     * @param lower what is left with its handle, or null
     * @param upper what is left above it as a new segment, or null
     */
    abstract Snapshot unplugged(Segment segment, Segment lower, Segment upper);

    /** A frame that no segment has, unless it has one of boot. */
    final long findInBoot(long frame) {
        if (boot == null) {
            return SegmentMap.INVALID;
        }
        int position = boot.find(frame);
        return position < 0 ? SegmentMap.INVALID : boot.handle(position);
    }
}
