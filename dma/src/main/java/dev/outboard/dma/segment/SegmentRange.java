package dev.outboard.dma.segment;

/** What a segment is plugged with, checked. Immutable. */
record SegmentRange(long start, long end, long availStart, long availEnd, int freeList) {
    SegmentRange {
        check(start, end, availStart, availEnd, freeList);
    }

    /** Refuses what no segment can be plugged with. */
    static void check(long start, long end, long availStart, long availEnd, int freeList) {
        check(start, end);
        if (availStart < start || availEnd > end || availStart > availEnd) {
            throw new IllegalArgumentException(
                    "availStart=%#x availEnd=%#x is not within frames %#x to %#x"
                            .formatted(availStart, availEnd, start, end));
        }
        if (freeList < 0) {
            throw new IllegalArgumentException("freeList=" + freeList + " is negative");
        }
    }

    /** Refuses what is no range of frames. */
    static void check(long start, long end) {
        if (start < 0 || start >= end || end > SegmentMap.END_FRAME) {
            throw new IllegalArgumentException(
                    "frames %#x to %#x are no range below %#x"
                            .formatted(start, end, SegmentMap.END_FRAME));
        }
    }

    /** The end of a range of so many frames; refuses what is none. */
    static long endOf(long start, long frames) {
        if (frames <= 0 || frames > SegmentMap.END_FRAME) {
            throw new IllegalArgumentException(
                    "frames=%d from %#x is no range".formatted(frames, start));
        }
        check(start, start + frames);
        return start + frames;
    }

    /** What is left of it between two frames. */
    SegmentRange within(long from, long to) {
        return new SegmentRange(
                from,
                to,
                Math.clamp(availStart, from, to),
                Math.clamp(availEnd, from, to),
                freeList);
    }

    /** Refuses to plug over a segment. */
    static IllegalArgumentException overlap(long start, long end, long otherStart, long otherEnd) {
        return new IllegalArgumentException(
                "frames %#x to %#x overlap the segment of %#x to %#x: unplug it first"
                        .formatted(start, end, otherStart, otherEnd));
    }

    /** Refuses to unplug what is not of one segment. */
    static IllegalArgumentException notPlugged(long start, long end) {
        return new IllegalArgumentException(
                "frames %#x to %#x are not all of one segment: unplug each segment's own"
                        .formatted(start, end));
    }
}
