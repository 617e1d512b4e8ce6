package dev.outboard.dma;

/** Buffers that are mapped and unmapped together, in one run of IOVA and with one flush. */
public final class ScatterGatherList {
    /** An empty list with room for {@code capacity} buffers; nothing is allocated later. */
    public ScatterGatherList(int capacity) {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Appends a buffer; false if the list is full. */
    public boolean add(long physicalAddress, int lengthBytes) {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Buffers in the list. */
    public int count() {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Length of buffer {@code index}. */
    public int lengthBytes(int index) {
        throw new UnsupportedOperationException("not built yet");
    }

    /** IOVA of buffer {@code index}; only while mapped. */
    public long iova(int index) {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Whether the list is mapped now. */
    public boolean isMapped() {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Removes all buffers; the list must not be mapped. */
    public void clear() {
        throw new UnsupportedOperationException("not built yet");
    }
}
