package dev.outboard.uio.qtest;

import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.PeerTimeoutException;
import dev.outboard.uio.UnixSocket;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Commands of the qtest protocol, a line each, and their answers. Any thread; one command at a
 * time.
 */
final class QtestSocket implements AutoCloseable {
    private static final int LINE_BYTES = 1024;
    private static final String DONE = "OK";
    private static final String FAILED = "FAIL";
    private static final String ERROR = "ERR";

    private final UnixSocket socket;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment buffer = arena.allocate(LINE_BYTES);
    private final StringBuilder line = new StringBuilder();
    private int filled;
    private int taken;
    private boolean closed;

    private QtestSocket(UnixSocket socket) {
        this.socket = socket;
    }

    /**
     * Connects to {@code -qtest unix:PATH,server=on,wait=off}.
     *
     * @param timeoutNanos for the socket to appear, and for each answer
     */
    static QtestSocket connect(Path path, long timeoutNanos) {
        UnixSocket socket = UnixSocket.connect(path, UnixSocket.Kind.STREAM, timeoutNanos);
        socket.receiveTimeout(timeoutNanos);
        socket.sendTimeout(timeoutNanos);
        return new QtestSocket(socket);
    }

    /**
     * Sends a command and waits for its answer.
     *
     * @return what stands behind OK, which may be nothing
     * @throws IllegalArgumentException if QEMU refuses the command, or answers what is none
     * @throws PeerGoneException if QEMU has ended
     */
    synchronized String ask(String command) {
        byte[] bytes = (command + '\n').getBytes(StandardCharsets.US_ASCII);
        if (closed) {
            throw new IllegalStateException("the connection to QEMU is closed");
        }
        if (bytes.length > LINE_BYTES) {
            throw new IllegalArgumentException("a command of " + bytes.length + " bytes");
        }
        // The answer to what was asked before has been read to its end: the buffer is free.
        MemorySegment.copy(bytes, 0, buffer, ValueLayout.JAVA_BYTE, 0, bytes.length);
        socket.send(buffer, 0, bytes.length);
        filled = 0;
        taken = 0;
        while (true) {
            String answer = readLine(command);
            if (answer.startsWith(DONE)) {
                return answer.substring(DONE.length()).strip();
            }
            if (answer.startsWith(FAILED) || answer.startsWith(ERROR)) {
                throw new IllegalArgumentException(
                        "QEMU refuses '%s': %s".formatted(command, answer));
            }
            // An IRQ line that moved: nobody has asked for these.
        }
    }

    private String readLine(String command) {
        line.setLength(0);
        while (true) {
            while (taken < filled) {
                byte next = buffer.get(ValueLayout.JAVA_BYTE, taken++);
                if (next == '\n') {
                    return line.toString();
                }
                if (line.length() == LINE_BYTES) {
                    throw new IllegalArgumentException("an answer that does not end");
                }
                line.append((char) (next & 0x7f));
            }
            taken = 0;
            filled = socket.receive(buffer, 0, LINE_BYTES, null, true);
            if (filled == UnixSocket.END_OF_STREAM) {
                filled = 0;
                throw new PeerGoneException("QEMU ended while it was asked: " + command);
            }
            if (filled == UnixSocket.WOULD_BLOCK) {
                filled = 0;
                throw new PeerTimeoutException("QEMU did not answer in time: " + command);
            }
        }
    }

    /** The number that a command answers. */
    long number(String command) {
        String answer = ask(command);
        try {
            return Long.parseUnsignedLong(answer.substring(answer.indexOf('x') + 1), 16);
        } catch (NumberFormatException none) {
            throw new IllegalArgumentException(
                    "QEMU answers '%s' with '%s', no number".formatted(command, answer), none);
        }
    }

    boolean isPeerGone() {
        return socket.isPeerGone();
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            socket.close();
            arena.close();
        }
    }
}
