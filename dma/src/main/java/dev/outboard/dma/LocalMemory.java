package dev.outboard.dma;

import dev.outboard.dma.AttachProtocol.Segment;
import dev.outboard.iommu.IoPage;
import java.lang.foreign.MemorySegment;

/**
 * Physical segments as this process has mapped them, found by address: the one found last at once,
 * others by halving. One thread; finding allocates nothing.
 */
final class LocalMemory {
    private final long[] starts;
    private final long[] ends;
    private final MemorySegment[] segments;
    private int count;

    /** The segment found last; an index of the arrays, but maybe no segment any more. */
    private int last;

    LocalMemory(int capacity) {
        // One at least, so that "last" is an index.
        int slots = Math.max(1, capacity);
        starts = new long[slots];
        ends = new long[slots];
        segments = new MemorySegment[slots];
    }

    /** Refuses a segment that another process describes wrongly. */
    static void requireWholePages(Segment segment) {
        long start = segment.physicalAddress();
        long length = segment.lengthBytes();
        if (start < 0
                || length <= 0
                || start > Long.MAX_VALUE - length
                || ((start | length) & IoPage.OFFSET_MASK) != 0) {
            throw new IllegalArgumentException(
                    "segment at physicalAddress=0x%x of lengthBytes=%d is not whole pages"
                            .formatted(start, length));
        }
    }

    /**
     * Adds a segment.
     *
     * @throws IllegalArgumentException if it overlaps another, or they are too many
     */
    void add(long start, MemorySegment segment) {
        if (count == starts.length) {
            throw new IllegalArgumentException("more than " + count + " segments of memory");
        }
        long end = start + segment.byteSize();
        int index = firstFrom(start);
        requireApart(start, end, index);
        shift(index, index + 1, count - index);
        starts[index] = start;
        ends[index] = end;
        segments[index] = segment;
        count++;
    }

    private void requireApart(long start, long end, int next) {
        int near = next < count && starts[next] < end ? next : next - 1;
        if (near >= 0 && start < ends[near] && starts[near] < end) {
            throw new IllegalArgumentException(
                    "memory at 0x%x overlaps memory at 0x%x".formatted(start, starts[near]));
        }
    }

    /**
     * Takes a segment out.
     *
     * @throws IllegalArgumentException if there is none of just this place and length
     */
    void remove(long start, long lengthBytes) {
        int index = firstFrom(start);
        if (index == count || starts[index] != start || ends[index] - start != lengthBytes) {
            throw new IllegalArgumentException(
                    "there is no memory at 0x%x of lengthBytes=%d".formatted(start, lengthBytes));
        }
        shift(index + 1, index, count - index - 1);
        count--;
        // What is no segment holds no address.
        starts[count] = 0;
        ends[count] = 0;
        segments[count] = null;
    }

    private void shift(int from, int to, int length) {
        System.arraycopy(starts, from, starts, to, length);
        System.arraycopy(ends, from, ends, to, length);
        System.arraycopy(segments, from, segments, to, length);
    }

    /** The first segment that starts at an address or later. */
    private int firstFrom(long address) {
        int low = 0;
        int high = count;
        while (low < high) {
            int middle = low + high >>> 1;
            if (starts[middle] < address) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /** Which segment holds an address, or -1; good until segments change. */
    int find(long address) {
        int index = last;
        if (address >= starts[index] && address < ends[index]) {
            return index;
        }
        return search(address);
    }

    private int search(long address) {
        int index = address == Long.MAX_VALUE ? count - 1 : firstFrom(address + 1) - 1;
        if (index < 0 || address >= ends[index]) {
            return -1;
        }
        last = index;
        return index;
    }

    long start(int index) {
        return starts[index];
    }

    long end(int index) {
        return ends[index];
    }

    MemorySegment segment(int index) {
        return segments[index];
    }
}
