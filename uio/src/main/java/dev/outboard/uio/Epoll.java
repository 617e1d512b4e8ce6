package dev.outboard.uio;

/** Waits for many descriptors at once. */
public final class Epoll implements AutoCloseable {
    /** Something can be read. */
    public static final int READABLE = 0x001;

    /** Something can be written. */
    public static final int WRITABLE = 0x004;

    /** The descriptor is in error; always watched. */
    public static final int ERROR = 0x008;

    /** The peer closed: EPOLLHUP, EPOLLRDHUP. */
    public static final int HANG_UP = 0x010 | 0x2000;

    private Epoll() {}

    public static Epoll create() {
        throw new UnsupportedOperationException("not built yet");
    }

    public void add(Descriptor watched, int interest, int token) {
        throw new UnsupportedOperationException("not built yet");
    }

    public void modify(Descriptor watched, int interest, int token) {
        throw new UnsupportedOperationException("not built yet");
    }

    public void remove(Descriptor watched) {
        throw new UnsupportedOperationException("not built yet");
    }

    public int await(long timeoutNanos, ReadyHandler handler) {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Called for each ready descriptor. */
    @FunctionalInterface
    public interface ReadyHandler {
        /** The descriptor that was added with this token has these events. */
        void onReady(int token, int events);
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException("not built yet");
    }
}
