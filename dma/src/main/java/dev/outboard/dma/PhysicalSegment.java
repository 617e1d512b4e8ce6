package dev.outboard.dma;

import dev.outboard.uio.Descriptor;
import java.lang.foreign.MemorySegment;

/** A contiguous piece of physical memory, backed by a sealed memfd. */
public final class PhysicalSegment {
    private PhysicalSegment() {}

    /** Physical address of its first byte. */
    public long physicalAddress() {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Bytes. */
    public long lengthBytes() {
        throw new UnsupportedOperationException("not built yet");
    }

    /** The bytes, as this process sees them. */
    public MemorySegment memory() {
        throw new UnsupportedOperationException("not built yet");
    }

    /** The file behind it, from offset 0; stays owned by the segment. */
    public Descriptor descriptor() {
        throw new UnsupportedOperationException("not built yet");
    }
}
