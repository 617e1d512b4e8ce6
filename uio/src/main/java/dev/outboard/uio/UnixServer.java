package dev.outboard.uio;

import java.nio.file.Path;

/** A listening Unix-domain socket. */
public final class UnixServer implements AutoCloseable {
    private UnixServer() {}

    public static UnixServer listen(Path path, UnixSocket.Kind kind) {
        throw new UnsupportedOperationException("not built yet");
    }

    public UnixSocket accept() {
        throw new UnsupportedOperationException("not built yet");
    }

    public Descriptor descriptor() {
        throw new UnsupportedOperationException("not built yet");
    }

    public Path path() {
        throw new UnsupportedOperationException("not built yet");
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException("not built yet");
    }
}
