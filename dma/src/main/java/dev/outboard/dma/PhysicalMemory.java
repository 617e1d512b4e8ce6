package dev.outboard.dma;

import dev.outboard.iommu.IoPage;
import java.util.ArrayList;
import java.util.List;

/**
 * The memory that devices can be allowed to reach: segments, and an allocator of their pages.
 *
 * <p>Physical addresses start at 4 GiB, so none of them is mistaken for an IOVA of a TCE table, and
 * none for an offset. Any thread; nothing here is on a data path but {@link #contains}.
 */
public final class PhysicalMemory implements AutoCloseable {
    /** Where physical addresses start. */
    public static final long FIRST_ADDRESS = 1L << 32;

    /** The most segments: what one vhost-user memory table takes. */
    public static final int MAX_SEGMENTS = 8;

    /** The longest segment, 60 GiB: with it, every frame fits a DART entry. */
    public static final long MAX_LENGTH_BYTES = 60L << 30;

    private final List<PhysicalSegment> segments;
    private final long firstStart;
    private final long firstLength;
    private boolean closed;

    private PhysicalMemory(List<PhysicalSegment> segments) {
        this.segments = List.copyOf(segments);
        firstStart = segments.getFirst().physicalAddress();
        firstLength = segments.getFirst().lengthBytes();
    }

    /**
     * Memory in one segment.
     *
     * @param lengthBytes rounded up to whole pages
     * @throws IllegalArgumentException if the length is not positive or beyond {@link
     *     #MAX_LENGTH_BYTES}
     */
    public static PhysicalMemory create(long lengthBytes) {
        return create(new long[] {lengthBytes});
    }

    /** Memory in several segments, with a hole of a page between neighbours. */
    public static PhysicalMemory create(long... segmentLengths) {
        if (segmentLengths.length == 0 || segmentLengths.length > MAX_SEGMENTS) {
            throw new IllegalArgumentException(
                    "segments=" + segmentLengths.length + " is not 1 to " + MAX_SEGMENTS);
        }
        List<PhysicalSegment> segments = new ArrayList<>();
        long next = FIRST_ADDRESS;
        try {
            for (long length : segmentLengths) {
                long rounded = roundUp(length);
                if (next - FIRST_ADDRESS + rounded > MAX_LENGTH_BYTES) {
                    throw tooLong(length);
                }
                segments.add(new PhysicalSegment(next, rounded));
                next += rounded + IoPage.BYTES;
            }
        } catch (RuntimeException failure) {
            segments.forEach(PhysicalSegment::close);
            throw failure;
        }
        return new PhysicalMemory(segments);
    }

    static long roundUp(long lengthBytes) {
        if (lengthBytes <= 0 || lengthBytes > MAX_LENGTH_BYTES) {
            throw tooLong(lengthBytes);
        }
        return lengthBytes + IoPage.OFFSET_MASK & ~IoPage.OFFSET_MASK;
    }

    private static IllegalArgumentException tooLong(long lengthBytes) {
        return new IllegalArgumentException(
                "lengthBytes=%d is not 1 to %d in all".formatted(lengthBytes, MAX_LENGTH_BYTES));
    }

    /** The segments, by rising address. */
    public List<PhysicalSegment> segments() {
        return segments;
    }

    /**
     * Contiguous, zeroed pages.
     *
     * @throws OutOfDmaMemoryException if no segment has a run of free pages that long
     * @throws IllegalArgumentException if the length is not positive
     */
    public DmaMemory allocate(long lengthBytes) {
        long rounded = roundUp(lengthBytes);
        synchronized (this) {
            if (closed) {
                throw new IllegalStateException("the physical memory is closed");
            }
            for (PhysicalSegment segment : segments) {
                long address = segment.take(Math.toIntExact(rounded >>> IoPage.SHIFT));
                if (address >= 0) {
                    DmaMemory memory = new DmaMemory(segment, address, rounded);
                    memory.memory().fill((byte) 0);
                    return memory;
                }
            }
        }
        throw new OutOfDmaMemoryException(
                ("no run of lengthBytes=%d is free (freeBytes=%d of %d in %d segments):"
                                + " create larger memory, or close what is not used")
                        .formatted(rounded, freeBytes(), lengthBytes(), segments.size()));
    }

    /** Whether all these bytes, at least one, are memory of one segment. */
    public boolean contains(long physicalAddress, long lengthBytes) {
        long offset = physicalAddress - firstStart;
        if (offset >= 0 && lengthBytes > 0 && offset <= firstLength - lengthBytes) {
            return true;
        }
        return containedFurtherOn(physicalAddress, lengthBytes);
    }

    private boolean containedFurtherOn(long physicalAddress, long lengthBytes) {
        for (int index = 1; index < segments.size(); index++) {
            PhysicalSegment segment = segments.get(index);
            long offset = physicalAddress - segment.physicalAddress();
            if (offset >= 0 && lengthBytes > 0 && offset <= segment.lengthBytes() - lengthBytes) {
                return true;
            }
        }
        return false;
    }

    /** Bytes not allocated. */
    public long freeBytes() {
        return segments.stream().mapToLong(PhysicalSegment::freeBytes).sum();
    }

    /** All bytes. */
    public long lengthBytes() {
        return segments.stream().mapToLong(PhysicalSegment::lengthBytes).sum();
    }

    /**
     * Unmaps it here: later use of its memory throws. Processes that were given a segment keep
     * theirs.
     */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            segments.forEach(PhysicalSegment::close);
        }
    }
}
