package dev.outboard.dma.segment;

/**
 * Segments in arrays of a fixed capacity, sorted by frame. Adding one moves those above it.
 *
 * <p>Changed by one thread, then published; allocates only when it is made. Positions are indexes
 * of segments, not handles.
 */
final class SegmentArray {
    private static final int BOUNDS = 2;

    /** Start and end of each segment, side by side: what a look-up reads. */
    private final long[] bounds;

    private final long[] availStarts;
    private final long[] availEnds;
    private final long[] hints;
    private final long[] handles;
    private final int[] freeLists;
    private int count;

    SegmentArray(int capacity) {
        bounds = new long[BOUNDS * capacity];
        availStarts = new long[capacity];
        availEnds = new long[capacity];
        hints = new long[capacity];
        handles = new long[capacity];
        freeLists = new int[capacity];
    }

    /** A copy, with room for {@code capacity}. */
    SegmentArray copy(int capacity) {
        var copy = new SegmentArray(capacity);
        copy.count = count;
        System.arraycopy(bounds, 0, copy.bounds, 0, BOUNDS * count);
        System.arraycopy(availStarts, 0, copy.availStarts, 0, count);
        System.arraycopy(availEnds, 0, copy.availEnds, 0, count);
        System.arraycopy(hints, 0, copy.hints, 0, count);
        System.arraycopy(handles, 0, copy.handles, 0, count);
        System.arraycopy(freeLists, 0, copy.freeLists, 0, count);
        return copy;
    }

    int count() {
        return count;
    }

    boolean isFull() {
        return count == handles.length;
    }

    /** The position of the segment that has a frame, or -1. As NetBSD's VM_PSTRAT_BSEARCH. */
    int find(long frame) {
        int from = 0;
        int left = count;
        while (left != 0) {
            int middle = from + (left >>> 1);
            if (frame >= bounds[BOUNDS * middle]) {
                if (frame < bounds[BOUNDS * middle + 1]) {
                    return middle;
                }
                from = middle + 1;
                left--;
            }
            left >>>= 1;
        }
        return -1;
    }

    /** The position of the first segment that ends beyond a frame, or {@link #count}. */
    int from(long frame) {
        int low = 0;
        int high = count;
        while (low < high) {
            int middle = low + high >>> 1;
            if (end(middle) <= frame) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /** Refuses to plug over a segment. */
    void requireFree(long start, long end) {
        int next = from(start);
        if (next < count && start(next) < end) {
            throw SegmentRange.overlap(start, end, start(next), end(next));
        }
    }

    /** The position of the segment that has all of a range; refuses a range that none has. */
    int requirePlugged(long start, long end) {
        int position = find(start);
        if (position < 0 || end(position) < end) {
            throw SegmentRange.notPlugged(start, end);
        }
        return position;
    }

    /** The position of a handle, or -1. */
    int positionOf(long handle) {
        for (int position = 0; position < count; position++) {
            if (handles[position] == handle) {
                return position;
            }
        }
        return -1;
    }

    long start(int position) {
        return bounds[BOUNDS * position];
    }

    long end(int position) {
        return bounds[BOUNDS * position + 1];
    }

    long value(int position, SegmentValue value) {
        return switch (value) {
            case START -> start(position);
            case END -> end(position);
            case AVAIL_START -> availStarts[position];
            case AVAIL_END -> availEnds[position];
            case FREE_LIST -> freeLists[position];
            // Or the nearest frame that is left.
            case START_HINT -> Math.clamp(hints[position], start(position), end(position));
        };
    }

    SegmentRange range(int position) {
        return new SegmentRange(
                start(position),
                end(position),
                availStarts[position],
                availEnds[position],
                freeLists[position]);
    }

    long handle(int position) {
        return handles[position];
    }

    void setHint(int position, long frame) {
        hints[position] = frame;
    }

    void place(int position, long handle, long frame, SegmentPlace into) {
        into.set(handle, start(position), end(position), frame - start(position));
    }

    /** Adds a segment, which overlaps none, while there is room. */
    void insert(long handle, long start, long end, long availStart, long availEnd, int freeList) {
        int position = from(start);
        shift(position, position + 1);
        set(position, handle, start, end);
        availStarts[position] = availStart;
        availEnds[position] = availEnd;
        hints[position] = availStart;
        freeLists[position] = freeList;
    }

    private void set(int position, long handle, long start, long end) {
        handles[position] = handle;
        bounds[BOUNDS * position] = start;
        bounds[BOUNDS * position + 1] = end;
    }

    /** Moves all from a position on, and counts. */
    private void shift(int from, int to) {
        int moved = count - from;
        System.arraycopy(bounds, BOUNDS * from, bounds, BOUNDS * to, BOUNDS * moved);
        System.arraycopy(availStarts, from, availStarts, to, moved);
        System.arraycopy(availEnds, from, availEnds, to, moved);
        System.arraycopy(hints, from, hints, to, moved);
        System.arraycopy(handles, from, handles, to, moved);
        System.arraycopy(freeLists, from, freeLists, to, moved);
        count += to - from;
    }

    /** Whether taking away this range of a segment leaves two. */
    boolean splits(int position, long start, long end) {
        return start > start(position) && end < end(position);
    }

    /**
     * Takes a range away from the segment at a position, which has it. If that leaves two there is
     * room, and the upper one gets {@code upperHandle}.
     */
    void remove(int position, long start, long end, long upperHandle) {
        if (start == start(position) && end == end(position)) {
            shift(position + 1, position);
        } else if (start == start(position)) {
            narrow(position, end, end(position));
        } else if (end == end(position)) {
            narrow(position, start(position), start);
        } else {
            shift(position, position + 1);
            narrow(position, start(position), start);
            handles[position + 1] = upperHandle;
            narrow(position + 1, end, end(position + 1));
        }
    }

    private void narrow(int position, long start, long end) {
        set(position, handles[position], start, end);
        availStarts[position] = Math.clamp(availStarts[position], start, end);
        availEnds[position] = Math.clamp(availEnds[position], start, end);
    }
}
