package dev.outboard.dma.segment;

import dev.outboard.uio.failure.FailurePoint;

/**
 * Segments in a sorted array of a fixed capacity: the static baseline, as NetBSD had it before.
 *
 * <p>A handle is an index, so it changes when a segment below comes or goes, and may then be the
 * handle of another. No segment comes beyond the capacity. Any thread; a change copies the array
 * once memory is up, and moves what is in it before.
 */
public final class SortedArraySegments implements SegmentMap {
    private final int capacity;
    private volatile SegmentArray array;
    private volatile boolean isUp;

    /** No segments, with memory up, and room for {@link #BOOT_SEGMENTS}. */
    public SortedArraySegments() {
        this(BOOT_SEGMENTS);
    }

    /** The same with room for more. */
    public SortedArraySegments(int capacity) {
        this(capacity, 0);
        isUp = true;
    }

    private SortedArraySegments(int capacity, int room) {
        if (capacity < 1) {
            throw new IllegalArgumentException("capacity=" + capacity + " is not positive");
        }
        this.capacity = capacity;
        array = new SegmentArray(room);
    }

    /** No segments, before memory is up. All of the room is usable then: it is a fixed array. */
    public static SortedArraySegments booting(int capacity) {
        return new SortedArraySegments(capacity, capacity);
    }

    @Override
    public synchronized long plug(
            long startFrame, long endFrame, long availStart, long availEnd, int freeList) {
        SegmentRange.check(startFrame, endFrame, availStart, availEnd, freeList);
        array.requireFree(startFrame, endFrame);
        if (array.count() == capacity || FailurePoint.fails("segment")) {
            return INVALID;
        }
        try {
            var next = changeable(1);
            next.insert(INVALID, startFrame, endFrame, availStart, availEnd, freeList);
            array = next;
            return next.find(startFrame);
        } catch (OutOfMemoryError pressure) {
            return INVALID;
        }
    }

    @Override
    public synchronized boolean unplug(long startFrame, long frames) {
        long endFrame = SegmentRange.endOf(startFrame, frames);
        int position = array.requirePlugged(startFrame, endFrame);
        int more = array.splits(position, startFrame, endFrame) ? 1 : 0;
        if (array.count() + more > capacity || FailurePoint.fails("segment")) {
            return false;
        }
        try {
            var next = changeable(more);
            next.remove(position, startFrame, endFrame, INVALID);
            array = next;
            return true;
        } catch (OutOfMemoryError pressure) {
            return false;
        }
    }

    /** The array itself during boot, when nobody else looks; then a copy. */
    private SegmentArray changeable(int more) {
        return isUp ? array.copy(array.count() + more) : array;
    }

    @Override
    public synchronized void memoryUp() {
        isUp = true;
    }

    @Override
    public long find(long frame) {
        return array.find(frame);
    }

    @Override
    public boolean find(long frame, SegmentPlace into) {
        var now = array;
        int position = now.find(frame);
        if (position >= 0) {
            now.place(position, position, frame, into);
        }
        return position >= 0;
    }

    @Override
    public boolean segment(long handle, SegmentPlace into) {
        var now = array;
        boolean isThere = isThere(now, handle);
        if (isThere) {
            now.place((int) handle, handle, now.start((int) handle), into);
        }
        return isThere;
    }

    private static boolean isThere(SegmentArray now, long handle) {
        return handle >= 0 && handle < now.count();
    }

    @Override
    public boolean valid(long handle) {
        return isThere(array, handle);
    }

    @Override
    public long start(long handle) {
        return value(handle, SegmentValue.START);
    }

    @Override
    public long end(long handle) {
        return value(handle, SegmentValue.END);
    }

    @Override
    public long availStart(long handle) {
        return value(handle, SegmentValue.AVAIL_START);
    }

    @Override
    public long availEnd(long handle) {
        return value(handle, SegmentValue.AVAIL_END);
    }

    @Override
    public long freeList(long handle) {
        return value(handle, SegmentValue.FREE_LIST);
    }

    @Override
    public long startHint(long handle) {
        return value(handle, SegmentValue.START_HINT);
    }

    private long value(long handle, SegmentValue value) {
        var now = array;
        return isThere(now, handle) ? now.value((int) handle, value) : INVALID;
    }

    @Override
    public synchronized boolean setStartHint(long handle, long frame) {
        // Under the lock: a copy that is being made would lose it.
        boolean isThere = isThere(array, handle);
        if (isThere) {
            array.setHint((int) handle, frame);
        }
        return isThere;
    }

    @Override
    public long first() {
        return array.count() == 0 ? EMPTY : 0;
    }

    @Override
    public long last() {
        int count = array.count();
        return count == 0 ? EMPTY : count - 1;
    }

    @Override
    public long next(long handle) {
        int count = array.count();
        if (handle < 0 || handle >= count) {
            return INVALID;
        }
        return handle + 1 == count ? OVERFLOW : handle + 1;
    }

    @Override
    public long prev(long handle) {
        if (!valid(handle)) {
            return INVALID;
        }
        return handle == 0 ? EMPTY : handle - 1;
    }

    @Override
    public long highestFrame() {
        var now = array;
        return now.count() == 0 ? INVALID : now.end(now.count() - 1) - 1;
    }

    @Override
    public int count() {
        return array.count();
    }
}
