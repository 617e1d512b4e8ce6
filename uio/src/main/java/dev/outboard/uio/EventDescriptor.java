package dev.outboard.uio;

/** An eventfd. */
public final class EventDescriptor implements AutoCloseable {
    private EventDescriptor() {}

    public static EventDescriptor create() {
        throw new UnsupportedOperationException("not built yet");
    }

    public static EventDescriptor adopt(Descriptor received) {
        throw new UnsupportedOperationException("not built yet");
    }

    public Descriptor descriptor() {
        throw new UnsupportedOperationException("not built yet");
    }

    public void signal() {
        throw new UnsupportedOperationException("not built yet");
    }

    public long drain() {
        throw new UnsupportedOperationException("not built yet");
    }

    public boolean await(long timeoutNanos) {
        throw new UnsupportedOperationException("not built yet");
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException("not built yet");
    }
}
