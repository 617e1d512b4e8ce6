package dev.outboard.uio;

import java.lang.foreign.MemorySegment;

/** A list of pieces of memory for one read or write. */
public final class IoVector implements AutoCloseable {
    private IoVector() {}

    public static IoVector allocate(int capacity) {
        throw new UnsupportedOperationException("not built yet");
    }

    public void clear() {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Adds a piece; false when the vector is full. */
    public boolean add(MemorySegment memory, long offset, long lengthBytes) {
        throw new UnsupportedOperationException("not built yet");
    }

    public int count() {
        throw new UnsupportedOperationException("not built yet");
    }

    public long lengthBytes() {
        throw new UnsupportedOperationException("not built yet");
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException("not built yet");
    }
}
