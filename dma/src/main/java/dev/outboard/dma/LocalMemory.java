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

    /** The segment found last; empty if none was, or it has gone. */
    private long start;

    private long end;
    private MemorySegment segment;

    LocalMemory(int capacity) {
        starts = new long[capacity];
        ends = new long[capacity];
        segments = new MemorySegment[capacity];
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
    void add(long newStart, MemorySegment added) {
        if (count == starts.length) {
            throw new IllegalArgumentException("more than " + count + " segments of memory");
        }
        long newEnd = newStart + added.byteSize();
        int index = firstFrom(newStart);
        requireApart(newStart, newEnd, index);
        shift(index, index + 1, count - index);
        starts[index] = newStart;
        ends[index] = newEnd;
        segments[index] = added;
        count++;
    }

    private void requireApart(long from, long to, int next) {
        int near = next < count && starts[next] < to ? next : next - 1;
        if (near >= 0 && from < ends[near] && starts[near] < to) {
            throw new IllegalArgumentException(
                    "memory at 0x%x overlaps memory at 0x%x".formatted(from, starts[near]));
        }
    }

    /**
     * Takes a segment out.
     *
     * @throws IllegalArgumentException if there is none of just this place and length
     */
    void remove(long oldStart, long lengthBytes) {
        int index = firstFrom(oldStart);
        if (index == count || starts[index] != oldStart || ends[index] - oldStart != lengthBytes) {
            throw new IllegalArgumentException(
                    "there is no memory at 0x%x of lengthBytes=%d"
                            .formatted(oldStart, lengthBytes));
        }
        shift(index + 1, index, count - index - 1);
        count--;
        segments[count] = null;
        // Whichever was found last: it is looked for anew.
        start = 0;
        end = 0;
        segment = null;
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

    /**
     * Finds the segment that holds an address: {@link #start}, {@link #end} and {@link #segment}
     * tell of it, until segments change or another is found.
     */
    boolean find(long address) {
        return address >= start && address < end || search(address);
    }

    private boolean search(long address) {
        int index = address == Long.MAX_VALUE ? count - 1 : firstFrom(address + 1) - 1;
        if (index < 0 || address >= ends[index]) {
            return false;
        }
        start = starts[index];
        end = ends[index];
        segment = segments[index];
        return true;
    }

    long start() {
        return start;
    }

    long end() {
        return end;
    }

    MemorySegment segment() {
        return segment;
    }
}
