package dev.outboard.uio;

/** An interrupt line that this process has claimed. */
public final class Interrupt implements AutoCloseable {
    private Interrupt() {}

    public static Interrupt open(
            String name, InterruptLine line, EventDescriptor event, WaitPolicy policy) {
        throw new UnsupportedOperationException("not built yet");
    }

    public boolean await(long timeoutNanos) {
        throw new UnsupportedOperationException("not built yet");
    }

    public long count() {
        throw new UnsupportedOperationException("not built yet");
    }

    public boolean arm() {
        throw new UnsupportedOperationException("not built yet");
    }

    public boolean acknowledge() {
        throw new UnsupportedOperationException("not built yet");
    }

    public Descriptor descriptor() {
        throw new UnsupportedOperationException("not built yet");
    }

    public String name() {
        throw new UnsupportedOperationException("not built yet");
    }

    public void wake() {
        throw new UnsupportedOperationException("not built yet");
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException("not built yet");
    }
}
