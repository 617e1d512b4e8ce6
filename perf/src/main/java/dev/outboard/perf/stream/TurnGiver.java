package dev.outboard.perf.stream;

import dev.outboard.host.process.ProcessFailedException;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.UnixServer;
import dev.outboard.uio.UnixSocket;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * Gives turns to one {@code stream-send} that was started with {@code turns=PATH}. One thread, but
 * for {@link #close}, which any may call once nobody waits here.
 */
public final class TurnGiver implements AutoCloseable {
    private static final long JOIN_NANOS = TimeUnit.SECONDS.toNanos(30);

    /** Beyond its length, a turn agrees with the receiver twice, each for ten seconds at most. */
    private static final long GRACE_NANOS = TimeUnit.SECONDS.toNanos(25);

    private final Arena arena = Arena.ofShared();
    private final MemorySegment buffer = arena.allocate(TurnDescriptor.LENGTH_BYTES, Long.BYTES);
    private final UnixServer server;
    private UnixSocket taker;

    /** Listens at a path, which must not exist. */
    public TurnGiver(Path path) {
        server = UnixServer.listen(path, UnixSocket.Kind.SEQPACKET);
    }

    /** Waits until the sender has joined. */
    public void awaitTaker() {
        long deadline = System.nanoTime() + JOIN_NANOS;
        while (taker == null) {
            taker = server.accept();
            if (taker == null) {
                if (System.nanoTime() > deadline) {
                    throw new ProcessFailedException("a sender did not join in time");
                }
                pause();
            }
        }
    }

    private static void pause() {
        try {
            Thread.sleep(1);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new ProcessFailedException("stopped");
        }
    }

    /**
     * Gives a turn, and returns when it is over.
     *
     * @param sizeBytes the size of a message
     * @param durationNanos how long messages are sent
     * @throws ProcessFailedException when the sender died or does not come to an end
     */
    public void run(int sizeBytes, long durationNanos) {
        send(TurnDescriptor.RUN, sizeBytes, durationNanos);
        if (!taker.awaitReadable(durationNanos + GRACE_NANOS)) {
            throw new ProcessFailedException("a sender does not end its turn");
        }
        int length = taker.receive(buffer, 0, TurnDescriptor.LENGTH_BYTES, null, false);
        if (length != TurnDescriptor.LENGTH_BYTES
                || buffer.get(ValueLayout.JAVA_INT, TurnDescriptor.KIND) != TurnDescriptor.DONE) {
            throw new ProcessFailedException("a sender ended in the middle of its turn");
        }
    }

    /** No more turns: the sender reports and ends. */
    public void end() {
        send(TurnDescriptor.END, 0, 0);
    }

    private void send(int kind, int sizeBytes, long durationNanos) {
        buffer.set(ValueLayout.JAVA_INT, TurnDescriptor.KIND, kind);
        buffer.set(ValueLayout.JAVA_INT, TurnDescriptor.SIZE_BYTES, sizeBytes);
        buffer.set(ValueLayout.JAVA_LONG, TurnDescriptor.DURATION_NANOS, durationNanos);
        try {
            taker.send(buffer, 0, TurnDescriptor.LENGTH_BYTES);
        } catch (PeerGoneException gone) {
            throw new ProcessFailedException("a sender died: " + gone.getMessage());
        }
    }

    @Override
    public void close() {
        if (taker != null) {
            taker.close();
        }
        server.close();
        arena.close();
    }
}
