package dev.outboard.uio;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;

/** A connected Unix-domain socket that passes descriptors. */
public final class UnixSocket implements AutoCloseable {
    /** What receive returns when the peer has closed. */
    public static final int END_OF_STREAM = 0;

    /** What receive and trySend return when they would have to wait. */
    public static final int WOULD_BLOCK = -1;

    private UnixSocket() {}

    /** How messages are framed. */
    public enum Kind {
        /** SOCK_STREAM. */
        STREAM,
        /** SOCK_SEQPACKET. */
        SEQPACKET
    }

    /** Who is at the other end: SO_PEERCRED. */
    public record Credentials(int pid, int uid, int gid) {}

    public static UnixSocket connect(Path path, Kind kind, long timeoutNanos) {
        throw new UnsupportedOperationException("not built yet");
    }

    public static UnixSocket[] pair(Kind kind) {
        throw new UnsupportedOperationException("not built yet");
    }

    public static UnixSocket adopt(Descriptor connected) {
        throw new UnsupportedOperationException("not built yet");
    }

    public Descriptor descriptor() {
        throw new UnsupportedOperationException("not built yet");
    }

    public int send(MemorySegment bytes, long offset, long length, Descriptor... passed) {
        throw new UnsupportedOperationException("not built yet");
    }

    public int trySend(MemorySegment bytes, long offset, long length, Descriptor... passed) {
        throw new UnsupportedOperationException("not built yet");
    }

    public int receive(
            MemorySegment into, long offset, long length, List<Descriptor> received, boolean wait) {
        throw new UnsupportedOperationException("not built yet");
    }

    public void receiveTimeout(long nanos) {
        throw new UnsupportedOperationException("not built yet");
    }

    public void sendTimeout(long nanos) {
        throw new UnsupportedOperationException("not built yet");
    }

    public Credentials peer() {
        throw new UnsupportedOperationException("not built yet");
    }

    public boolean isPeerGone() {
        throw new UnsupportedOperationException("not built yet");
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException("not built yet");
    }
}
