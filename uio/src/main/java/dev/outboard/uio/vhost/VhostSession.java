package dev.outboard.uio.vhost;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.UnixSocket;

/** The device's end of one vhost-user connection. */
public final class VhostSession implements AutoCloseable {
    /** Takes ownership of the socket; the back-end stays the caller's. */
    public VhostSession(UnixSocket connected, VhostBackEnd backEnd) {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Handles what arrived; false once the session is over. */
    public boolean onReadable() {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Why the session ended; null while it lives. */
    public String reason() {
        throw new UnsupportedOperationException("not built yet");
    }

    public Descriptor descriptor() {
        throw new UnsupportedOperationException("not built yet");
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException("not built yet");
    }
}
