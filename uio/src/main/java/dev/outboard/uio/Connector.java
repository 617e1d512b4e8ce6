package dev.outboard.uio;

import dev.outboard.uio.nativecall.ControlCalls;
import dev.outboard.uio.nativecall.ErrorNames;
import java.nio.file.Path;
import java.util.concurrent.locks.LockSupport;

/** One attempt to reach a listening socket, with patience and clear words. */
final class Connector {
    private static final long FIRST_PAUSE_NANOS = 200_000;
    private static final long LONGEST_PAUSE_NANOS = 20_000_000;

    private final Path path;
    private final UnixSocket.Kind kind;
    private final byte[] address;

    Connector(Path path, UnixSocket.Kind kind) {
        this.path = path;
        this.kind = kind;
        this.address = SocketAddress.of(path);
    }

    /** Tries until it succeeds, fails for good, or the time is over. */
    UnixSocket connect(long timeoutNanos) {
        long deadline = System.nanoTime() + timeoutNanos;
        long pause = FIRST_PAUSE_NANOS;
        while (true) {
            int number = attempt();
            if (number >= 0) {
                return new UnixSocket(Descriptor.adopt(number));
            }
            long left = deadline - System.nanoTime();
            if (!mayChange(-number) || left <= 0) {
                throw refusal(number, timeoutNanos);
            }
            if (Thread.currentThread().isInterrupted()) {
                throw refusal(-ErrorNames.EINTR, timeoutNanos);
            }
            LockSupport.parkNanos(Math.min(pause, left));
            pause = Math.min(2 * pause, LONGEST_PAUSE_NANOS);
        }
    }

    /** A connected socket's number, or the negated error. Never waits: a full backlog is EAGAIN. */
    private int attempt() {
        int type = kind.type | UnixSocket.SOCK_CLOEXEC | UnixSocket.SOCK_NONBLOCK;
        int number = ControlCalls.socket(UnixSocket.AF_UNIX, type);
        Failures.check(number, "socket", kind);
        int answer = ControlCalls.connect(number, address);
        if (answer >= 0) {
            answer = Descriptors.setBlocking(number);
        }
        if (answer < 0) {
            ControlCalls.close(number);
            return answer;
        }
        return number;
    }

    /** Whether waiting can help. */
    private static boolean mayChange(int errno) {
        return errno == ErrorNames.ENOENT
                || errno == ErrorNames.ECONNREFUSED
                || errno == ErrorNames.EAGAIN
                || errno == ErrorNames.EINTR;
    }

    /** Whether somebody listens there: used before a socket file is replaced. */
    boolean isLive() {
        int number = attempt();
        if (number >= 0) {
            ControlCalls.close(number);
            return true;
        }
        return number != -ErrorNames.ECONNREFUSED && number != -ErrorNames.ENOENT;
    }

    private ConnectionRefusedException refusal(int answer, long timeoutNanos) {
        int errno = -answer;
        String why;
        if (errno == ErrorNames.ENOENT) {
            why = "there is no such socket: start its server (the device or owner) first";
        } else if (errno == ErrorNames.ECONNREFUSED) {
            why = "its server is gone, or it is no socket: start the server again";
        } else if (errno == ErrorNames.EAGAIN) {
            why = "its server is too busy to accept: it serves others, or hangs";
        } else if (errno == ErrorNames.EACCES || errno == ErrorNames.EPERM) {
            why = "no permission: run as the server's user, or change the socket's mode";
        } else if (errno == ErrorNames.EPROTOTYPE) {
            why = "it is of another kind than " + kind + ": is it the right socket?";
        } else if (errno == ErrorNames.EINTR) {
            why = "the thread was interrupted while it waited";
        } else {
            why = ErrorNames.of(errno);
        }
        String after = timeoutNanos > 0 ? " (waited " + timeoutNanos / 1_000_000 + " ms)" : "";
        return new ConnectionRefusedException(
                "cannot connect to " + path + ": " + why + after,
                Failures.failure("connect", answer, path.toString()));
    }
}
