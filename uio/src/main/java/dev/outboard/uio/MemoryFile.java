package dev.outboard.uio;

/** Memory that other processes can map: a memfd. */
public final class MemoryFile implements AutoCloseable {
    private MemoryFile() {}

    public static MemoryFile create(String name, long lengthBytes) {
        throw new UnsupportedOperationException("not built yet");
    }

    public static MemoryFile adopt(Descriptor received) {
        throw new UnsupportedOperationException("not built yet");
    }

    public Descriptor descriptor() {
        throw new UnsupportedOperationException("not built yet");
    }

    public long lengthBytes() {
        throw new UnsupportedOperationException("not built yet");
    }

    public Mapping map(long offsetBytes, long lengthBytes, boolean writable) {
        throw new UnsupportedOperationException("not built yet");
    }

    public void sealSize() {
        throw new UnsupportedOperationException("not built yet");
    }

    public void sealFutureWrites() {
        throw new UnsupportedOperationException("not built yet");
    }

    public boolean isSizeSealed() {
        throw new UnsupportedOperationException("not built yet");
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException("not built yet");
    }
}
