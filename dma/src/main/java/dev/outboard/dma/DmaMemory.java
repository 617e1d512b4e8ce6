package dev.outboard.dma;

import java.lang.foreign.MemorySegment;

/** Physically contiguous pages that a driver owns and can map for its device. */
public final class DmaMemory implements AutoCloseable {
    private DmaMemory() {}

    /** The bytes. */
    public MemorySegment memory() {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Where the first byte is, for {@link Dma#map}. */
    public long physicalAddress() {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Bytes, a multiple of the page size. */
    public long lengthBytes() {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Gives the pages back. They must not be mapped. */
    @Override
    public void close() {
        throw new UnsupportedOperationException("not built yet");
    }
}
