package dev.outboard.dma;

import dev.outboard.dma.AttachProtocol.Segment;
import dev.outboard.iommu.IoPage;
import java.lang.foreign.MemorySegment;

/**
 * Physical segments as this process has mapped them, found by address. Filled once; then no
 * allocation.
 */
final class LocalMemory {
    private final long[] starts;
    private final long[] ends;
    private final MemorySegment[] segments;
    private int count;

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

    /** Adds a segment; it may not overlap another. */
    void add(long start, MemorySegment segment) {
        long end = start + segment.byteSize();
        for (int index = 0; index < count; index++) {
            if (start < ends[index] && starts[index] < end) {
                throw new IllegalArgumentException(
                        "memory at 0x%x overlaps memory at 0x%x".formatted(start, starts[index]));
            }
        }
        starts[count] = start;
        ends[count] = end;
        segments[count] = segment;
        count++;
    }

    /** Which segment holds an address, or -1. */
    int find(long address) {
        for (int index = 0; index < count; index++) {
            if (address >= starts[index] && address < ends[index]) {
                return index;
            }
        }
        return -1;
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
