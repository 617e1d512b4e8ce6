package dev.outboard.perf.stream;

import dev.outboard.driver.ClientContext;
import dev.outboard.driver.DeviceException;
import dev.outboard.uio.UnixSocket;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * The end that is given turns: runs only when told to, so that several settings, each with its
 * processes alive and warm, are measured in turn. One thread.
 */
final class TurnTaker implements AutoCloseable {
    private static final long CONNECT_NANOS = TimeUnit.SECONDS.toNanos(5);
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final long LONGEST_NANOS = TimeUnit.HOURS.toNanos(1);

    private final Arena arena = Arena.ofConfined();
    private final MemorySegment buffer = arena.allocate(TurnDescriptor.LENGTH_BYTES, Long.BYTES);
    private final UnixSocket socket;
    private final ClientContext context;
    private int sizeBytes;
    private long durationNanos;

    /** Joins who gives the turns at a socket. */
    TurnTaker(Path giver, ClientContext context) {
        this.context = context;
        socket = UnixSocket.connect(giver, UnixSocket.Kind.SEQPACKET, CONNECT_NANOS);
    }

    /** Waits for the next turn; false when there is none any more. */
    boolean next() {
        while (!socket.awaitReadable(LOOK_NANOS)) {
            if (context.isStopping()) {
                return false;
            }
        }
        int length = socket.receive(buffer, 0, TurnDescriptor.LENGTH_BYTES, null, false);
        if (length == UnixSocket.END_OF_STREAM) {
            throw new DeviceException("who gives the turns has died");
        }
        int kind = buffer.get(ValueLayout.JAVA_INT, TurnDescriptor.KIND);
        if (length == TurnDescriptor.LENGTH_BYTES && kind == TurnDescriptor.END) {
            return false;
        }
        sizeBytes = buffer.get(ValueLayout.JAVA_INT, TurnDescriptor.SIZE_BYTES);
        durationNanos = buffer.get(ValueLayout.JAVA_LONG, TurnDescriptor.DURATION_NANOS);
        if (length != TurnDescriptor.LENGTH_BYTES
                || kind != TurnDescriptor.RUN
                || sizeBytes < Fragmentation.MINIMUM_BYTES
                || sizeBytes > Fragmentation.MAXIMUM_BYTES
                || durationNanos <= 0
                || durationNanos > LONGEST_NANOS) {
            throw new DeviceException(
                    "a turn that makes no sense: length=%d kind=%d sizeBytes=%d durationNanos=%d"
                            .formatted(length, kind, sizeBytes, durationNanos));
        }
        return true;
    }

    /** The size of a message in this turn. */
    int sizeBytes() {
        return sizeBytes;
    }

    /** How long this turn is. */
    long durationNanos() {
        return durationNanos;
    }

    /** This turn is over. */
    void done() {
        buffer.set(ValueLayout.JAVA_INT, TurnDescriptor.KIND, TurnDescriptor.DONE);
        socket.send(buffer, 0, TurnDescriptor.LENGTH_BYTES);
    }

    @Override
    public void close() {
        socket.close();
        arena.close();
    }
}
