package dev.outboard.dma;

import java.lang.foreign.MemorySegment;

/**
 * Memory that driver and device both use all the time, such as rings: allocated and mapped in one.
 */
public final class CoherentMemory implements AutoCloseable {
    private CoherentMemory() {}

    /** The bytes, zero at first. */
    public MemorySegment memory() {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Where the device finds the first byte. */
    public long iova() {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Bytes, a multiple of the page size. */
    public long lengthBytes() {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Unmaps, flushes, and gives the pages back. */
    @Override
    public void close() {
        throw new UnsupportedOperationException("not built yet");
    }
}
