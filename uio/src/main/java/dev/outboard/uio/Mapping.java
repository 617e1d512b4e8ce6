package dev.outboard.uio;

import java.lang.foreign.MemorySegment;

/** A part of a file in this process's address space. */
public final class Mapping implements AutoCloseable {
    private Mapping() {}

    public MemorySegment memory() {
        throw new UnsupportedOperationException("not built yet");
    }

    public long lengthBytes() {
        throw new UnsupportedOperationException("not built yet");
    }

    public boolean isWritable() {
        throw new UnsupportedOperationException("not built yet");
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException("not built yet");
    }
}
