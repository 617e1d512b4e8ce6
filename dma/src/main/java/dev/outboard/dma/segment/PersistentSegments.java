package dev.outboard.dma.segment;

import dev.outboard.uio.failure.FailurePoint;

/**
 * What the structures share that publish a new snapshot for each change: the change itself, boot,
 * and everything that is asked by handle.
 *
 * <p>Any thread. One lock lets changes wait for one another; a reader reads the published snapshot
 * (acquire, with the release of {@link #publish}) and never meets the lock.
 */
abstract sealed class PersistentSegments implements SegmentMap
        permits DirectorySegments, RedBlackSegments {
    private static final String POINT = "segment";

    /** What all of the present segments are. */
    abstract Snapshot snapshot();

    abstract void publish(Snapshot next);

    /** No segments at all, and no boot. */
    abstract Snapshot none();

    /** A handle that no segment ever had, for one that is born at a frame now. */
    abstract long newHandle(Snapshot now, long frame);

    @Override
    public final synchronized long plug(
            long startFrame, long endFrame, long availStart, long availEnd, int freeList) {
        var now = snapshot();
        if (now.boot != null) {
            return plugInBoot(now, startFrame, endFrame, availStart, availEnd, freeList);
        }
        var range = new SegmentRange(startFrame, endFrame, availStart, availEnd, freeList);
        var next = now.from(startFrame);
        if (next != null && next.start() < endFrame) {
            throw SegmentRange.overlap(startFrame, endFrame, next.start(), next.end());
        }
        if (FailurePoint.fails(POINT)) {
            return INVALID;
        }
        try {
            var segment = Segment.born(newHandle(now, startFrame), range);
            publish(now.plugged(segment));
            return segment.handle();
        } catch (OutOfMemoryError pressure) {
            // What was made so far nobody has seen.
            return INVALID;
        }
    }

    private long plugInBoot(
            Snapshot now, long start, long end, long availStart, long availEnd, int freeList) {
        SegmentRange.check(start, end, availStart, availEnd, freeList);
        now.boot.requireFree(start, end);
        if (now.boot.isFull()) {
            return INVALID;
        }
        long handle = newHandle(now, start);
        now.boot.insert(handle, start, end, availStart, availEnd, freeList);
        return handle;
    }

    @Override
    public final synchronized boolean unplug(long startFrame, long frames) {
        long endFrame = SegmentRange.endOf(startFrame, frames);
        var now = snapshot();
        if (now.boot != null) {
            return unplugInBoot(now, startFrame, endFrame);
        }
        var segment = now.at(startFrame);
        if (segment == null || segment.end() < endFrame) {
            throw SegmentRange.notPlugged(startFrame, endFrame);
        }
        if (FailurePoint.fails(POINT)) {
            return false;
        }
        try {
            publish(without(now, segment, startFrame, endFrame));
            return true;
        } catch (OutOfMemoryError pressure) {
            return false;
        }
    }

    private Snapshot without(Snapshot now, Segment segment, long start, long end) {
        boolean hasLower = start > segment.start();
        boolean hasUpper = end < segment.end();
        if (!hasLower) {
            return now.unplugged(segment, hasUpper ? segment.startingAt(end) : null, null);
        }
        var lower = segment.endingAt(start);
        var upper =
                hasUpper
                        ? Segment.born(
                                newHandle(now, end), segment.range().within(end, segment.end()))
                        : null;
        return now.unplugged(segment, lower, upper);
    }

    private boolean unplugInBoot(Snapshot now, long start, long end) {
        int position = now.boot.requirePlugged(start, end);
        boolean splits = now.boot.splits(position, start, end);
        if (splits && now.boot.isFull()) {
            return false;
        }
        now.boot.remove(position, start, end, splits ? newHandle(now, end) : INVALID);
        return true;
    }

    @Override
    public final synchronized void memoryUp() {
        var boot = snapshot().boot;
        if (boot == null) {
            return;
        }
        var next = none();
        for (int position = 0; position < boot.count(); position++) {
            var segment = Segment.born(boot.handle(position), boot.range(position));
            segment.setHint(boot.value(position, SegmentValue.START_HINT));
            next = next.plugged(segment);
        }
        publish(next);
    }

    @Override
    public final boolean find(long frame, SegmentPlace into) {
        var now = snapshot();
        var segment = now.at(frame);
        if (segment != null) {
            segment.place(frame, into);
            return true;
        }
        int position = now.boot == null ? -1 : now.boot.find(frame);
        if (position >= 0) {
            now.boot.place(position, now.boot.handle(position), frame, into);
        }
        return position >= 0;
    }

    @Override
    public final boolean segment(long handle, SegmentPlace into) {
        var now = snapshot();
        var segment = now.handles.get(handle);
        if (segment != null) {
            segment.place(segment.start(), into);
            return true;
        }
        int position = now.boot == null ? -1 : now.boot.positionOf(handle);
        if (position >= 0) {
            now.boot.place(position, handle, now.boot.start(position), into);
        }
        return position >= 0;
    }

    /** The position of a segment of boot, or -1. */
    private static int bootPosition(Snapshot now, long handle) {
        return now.boot == null ? -1 : now.boot.positionOf(handle);
    }

    @Override
    public final boolean valid(long handle) {
        var now = snapshot();
        return now.handles.get(handle) != null || bootPosition(now, handle) >= 0;
    }

    @Override
    public final long start(long handle) {
        return value(handle, SegmentValue.START);
    }

    @Override
    public final long end(long handle) {
        return value(handle, SegmentValue.END);
    }

    @Override
    public final long availStart(long handle) {
        return value(handle, SegmentValue.AVAIL_START);
    }

    @Override
    public final long availEnd(long handle) {
        return value(handle, SegmentValue.AVAIL_END);
    }

    @Override
    public final long freeList(long handle) {
        return value(handle, SegmentValue.FREE_LIST);
    }

    @Override
    public final long startHint(long handle) {
        return value(handle, SegmentValue.START_HINT);
    }

    private long value(long handle, SegmentValue value) {
        var now = snapshot();
        var segment = now.handles.get(handle);
        if (segment != null) {
            return segment.value(value);
        }
        int position = bootPosition(now, handle);
        return position < 0 ? INVALID : now.boot.value(position, value);
    }

    @Override
    public final boolean setStartHint(long handle, long frame) {
        var now = snapshot();
        var segment = now.handles.get(handle);
        if (segment != null) {
            segment.setHint(frame);
            return true;
        }
        int position = bootPosition(now, handle);
        if (position >= 0) {
            now.boot.setHint(position, frame);
        }
        return position >= 0;
    }

    @Override
    public final long first() {
        var now = snapshot();
        if (now.boot != null) {
            return now.boot.count() == 0 ? EMPTY : now.boot.handle(0);
        }
        var first = now.from(0);
        return first == null ? EMPTY : first.handle();
    }

    @Override
    public final long last() {
        var now = snapshot();
        if (now.boot != null) {
            return now.boot.count() == 0 ? EMPTY : now.boot.handle(now.boot.count() - 1);
        }
        var last = now.upTo(END_FRAME - 1);
        return last == null ? EMPTY : last.handle();
    }

    @Override
    public final long next(long handle) {
        var now = snapshot();
        if (now.boot != null) {
            int position = now.boot.positionOf(handle);
            return position < 0
                    ? INVALID
                    : position + 1 == now.boot.count() ? OVERFLOW : now.boot.handle(position + 1);
        }
        var segment = now.handles.get(handle);
        if (segment == null) {
            return INVALID;
        }
        var next = now.from(segment.end());
        return next == null ? OVERFLOW : next.handle();
    }

    @Override
    public final long prev(long handle) {
        var now = snapshot();
        if (now.boot != null) {
            int position = now.boot.positionOf(handle);
            return position < 0 ? INVALID : position == 0 ? EMPTY : now.boot.handle(position - 1);
        }
        var segment = now.handles.get(handle);
        if (segment == null) {
            return INVALID;
        }
        var prev = now.upTo(segment.start() - 1);
        return prev == null ? EMPTY : prev.handle();
    }

    @Override
    public final long highestFrame() {
        var now = snapshot();
        if (now.boot != null) {
            int last = now.boot.count() - 1;
            return last < 0 ? INVALID : now.boot.end(last) - 1;
        }
        var last = now.upTo(END_FRAME - 1);
        return last == null ? INVALID : last.end() - 1;
    }

    @Override
    public final int count() {
        var now = snapshot();
        return now.boot == null ? now.count : now.boot.count();
    }
}
