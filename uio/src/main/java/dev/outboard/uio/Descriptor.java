package dev.outboard.uio;

/** Owns one file descriptor. */
public final class Descriptor implements AutoCloseable {
    private Descriptor() {}

    /** Takes ownership of an open descriptor. */
    public static Descriptor adopt(int number) {
        throw new UnsupportedOperationException("not built yet");
    }

    /** The number; IllegalStateException once closed. */
    public int number() {
        throw new UnsupportedOperationException("not built yet");
    }

    /** A second descriptor of the same open file, close-on-exec. */
    public Descriptor duplicate() {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Whether close was called. */
    public boolean isClosed() {
        throw new UnsupportedOperationException("not built yet");
    }

    /** How many descriptors this process has open: for leak tests. */
    public static int openCount() {
        throw new UnsupportedOperationException("not built yet");
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException("not built yet");
    }
}
