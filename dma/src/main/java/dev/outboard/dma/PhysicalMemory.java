package dev.outboard.dma;

import java.util.List;

/** The memory that devices can be allowed to reach: segments, and an allocator of their pages. */
public final class PhysicalMemory implements AutoCloseable {
    /**
     * Where physical addresses start: no address of it fits 32 bits, so none is mistaken for an
     * IOVA.
     */
    public static final long FIRST_ADDRESS = 1L << 32;

    private PhysicalMemory() {}

    /** Memory in one segment; the length is rounded up to whole pages. */
    public static PhysicalMemory create(long lengthBytes) {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Memory in several segments, with a hole of a page between neighbours. */
    public static PhysicalMemory create(long... segmentLengths) {
        throw new UnsupportedOperationException("not built yet");
    }

    /** The segments, by rising address. */
    public List<PhysicalSegment> segments() {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Contiguous, zeroed pages. From any thread. */
    public DmaMemory allocate(long lengthBytes) {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Whether all these bytes are memory of one segment. */
    public boolean contains(long physicalAddress, long lengthBytes) {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Bytes not allocated. */
    public long freeBytes() {
        throw new UnsupportedOperationException("not built yet");
    }

    /** All bytes. */
    public long lengthBytes() {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Unmaps it here; processes that were given a segment keep theirs. */
    @Override
    public void close() {
        throw new UnsupportedOperationException("not built yet");
    }
}
