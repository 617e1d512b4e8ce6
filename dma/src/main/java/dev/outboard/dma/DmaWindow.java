package dev.outboard.dma;

import java.lang.foreign.MemorySegment;

/**
 * Where some bytes of bus addresses lie in this process: filled by {@link BusMaster#resolve}, used
 * at once, used again.
 *
 * <p>The fields are open on purpose: a device model reads them for every buffer. Only bytes {@code
 * offset} to before {@code offset + lengthBytes} of {@code memory} were granted.
 */
public final class DmaWindow {
    /** The whole local mapping of a physical segment, not only what was granted. */
    public MemorySegment memory = MemorySegment.NULL;

    /** Where the granted bytes begin in {@link #memory}. */
    public long offset;

    /** How many bytes were granted, at least 1. */
    public long lengthBytes;

    /** An empty window. */
    public DmaWindow() {}

    /** Says where the bytes are. */
    void set(MemorySegment newMemory, long newOffset, long newLengthBytes) {
        // Nearly always the one before: the comparison costs less than the collector's barrier.
        if (memory != newMemory) {
            memory = newMemory;
        }
        offset = newOffset;
        lengthBytes = newLengthBytes;
    }

    /** The local mapping; see {@link #memory}. */
    public MemorySegment memory() {
        return memory;
    }

    /** The first granted byte; see {@link #offset}. */
    public long offset() {
        return offset;
    }

    /** The granted bytes; see {@link #lengthBytes}. */
    public long lengthBytes() {
        return lengthBytes;
    }
}
