package dev.outboard.uio;

import dev.outboard.uio.nativecall.ControlCalls;
import dev.outboard.uio.nativecall.DataCalls;
import dev.outboard.uio.nativecall.ErrorNames;
import dev.outboard.uio.nativecall.MessageDescriptor;
import dev.outboard.uio.nativecall.SocketCalls;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import jnr.constants.platform.SocketLevel;
import jnr.constants.platform.SocketOption;

/**
 * A connected Unix-domain socket, over which messages and open descriptors pass. Close-on-exec.
 *
 * <p>Owns its descriptor. One thread sends and one receives. The memory handed to {@link #send} and
 * {@link #receive} must be native, and stay open until they are back.
 */
public final class UnixSocket implements AutoCloseable {
    /** What {@link #receive} returns when the peer has closed, or died. */
    public static final int END_OF_STREAM = 0;

    /** What {@link #receive} and {@link #trySend} return when they would have to wait. */
    public static final int WOULD_BLOCK = -1;

    /** How many descriptors one message may carry. */
    public static final int MAX_DESCRIPTORS = MessageDescriptor.MAX_DESCRIPTORS;

    static final int AF_UNIX = 1;
    static final int SOCK_CLOEXEC = 0x80000;
    static final int SOCK_NONBLOCK = 0x800;

    private static final int SO_DOMAIN = 39;
    private static final int[] NONE = {};

    private final Descriptor descriptor;

    UnixSocket(Descriptor descriptor) {
        this.descriptor = descriptor;
    }

    /** How messages are framed. */
    public enum Kind {
        /** A stream of bytes: SOCK_STREAM, as vhost-user has it. */
        STREAM(1),
        /** Packets that arrive whole: SOCK_SEQPACKET. */
        SEQPACKET(5);

        final int type;

        Kind(int type) {
            this.type = type;
        }
    }

    /**
     * Who is at the other end, as the kernel noted it when the connection was made.
     *
     * @param pid process
     * @param uid effective user
     * @param gid effective group
     */
    public record Credentials(int pid, int uid, int gid) {}

    /**
     * Connects to a listening socket.
     *
     * @param timeoutNanos how long to wait for the socket to appear and to accept; 0 tries once
     * @throws ConnectionRefusedException when nobody listens there: says why, and what to do
     */
    public static UnixSocket connect(Path path, Kind kind, long timeoutNanos) {
        return new Connector(path, kind).connect(timeoutNanos);
    }

    /** Two sockets connected to each other. */
    public static UnixSocket[] pair(Kind kind) {
        int[] numbers = new int[2];
        int answer = ControlCalls.socketPair(AF_UNIX, kind.type | SOCK_CLOEXEC, numbers);
        Failures.check(answer, "socketpair", kind);
        return new UnixSocket[] {
            new UnixSocket(Descriptor.adopt(numbers[0])),
            new UnixSocket(Descriptor.adopt(numbers[1]))
        };
    }

    /**
     * Takes ownership of a connected socket that a peer passed, also when this fails.
     *
     * @throws IllegalArgumentException when it is something else
     */
    public static UnixSocket adopt(Descriptor received) {
        byte[] domain = new byte[Integer.BYTES];
        int level = SocketLevel.SOL_SOCKET.intValue();
        int answer = ControlCalls.getSocketOption(received.number(), level, SO_DOMAIN, domain);
        int family = ByteBuffer.wrap(domain).order(ByteOrder.nativeOrder()).getInt();
        if (answer < 0 || family != AF_UNIX) {
            received.close();
            throw new IllegalArgumentException("a Unix-domain socket was expected");
        }
        return new UnixSocket(received);
    }

    /** The descriptor, to watch it; it stays this object's. */
    public Descriptor descriptor() {
        return descriptor;
    }

    /**
     * Sends all of it, waiting for room. The descriptors ride on its first byte, and stay the
     * caller's.
     *
     * @param length more than zero: nothing is sent with no byte, not even a descriptor
     * @return {@code length}
     * @throws PeerGoneException when the peer has closed, or died
     * @throws PeerTimeoutException when there was no room within {@link #sendTimeout}
     */
    public int send(MemorySegment bytes, long offset, long length, Descriptor... passed) {
        int[] numbers = numbers(passed);
        long sent = 0;
        do {
            int count = sent == 0 ? numbers.length : 0;
            long part = sendPart(bytes, offset + sent, length - sent, numbers, count, 0);
            if (part == WOULD_BLOCK) {
                throw new PeerTimeoutException(
                        "the peer took no more bytes in time: sent %d of %d"
                                .formatted(sent, length));
            }
            sent += part;
        } while (sent < length);
        return (int) sent;
    }

    /**
     * Sends what there is room for, and does not wait.
     *
     * @return bytes sent, of a stream maybe fewer than {@code length}; or {@link #WOULD_BLOCK}, and
     *     then no descriptor was sent either
     * @throws PeerGoneException when the peer has closed, or died
     */
    public int trySend(MemorySegment bytes, long offset, long length, Descriptor... passed) {
        int[] numbers = numbers(passed);
        int flags = MessageDescriptor.MSG_DONTWAIT;
        return (int) sendPart(bytes, offset, length, numbers, numbers.length, flags);
    }

    private static int[] numbers(Descriptor... passed) {
        if (passed.length == 0) {
            return NONE;
        }
        if (passed.length > MAX_DESCRIPTORS) {
            throw new IllegalArgumentException(
                    "at most %d descriptors in a message: %d"
                            .formatted(MAX_DESCRIPTORS, passed.length));
        }
        int[] numbers = new int[passed.length];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = passed[i].number();
        }
        return numbers;
    }

    private long sendPart(
            MemorySegment bytes, long offset, long length, int[] numbers, int count, int flags) {
        if (length < 1) {
            throw new IllegalArgumentException("a message has at least one byte: " + length);
        }
        int number = descriptor.number();
        long sent;
        do {
            sent = SocketCalls.send(number, bytes, offset, length, numbers, count, flags);
        } while (sent == -ErrorNames.EINTR);
        if (sent == -ErrorNames.EAGAIN) {
            return WOULD_BLOCK;
        }
        if (sent == -ErrorNames.EPIPE || sent == -ErrorNames.ECONNRESET) {
            throw new PeerGoneException("the peer has closed the connection: nothing can be sent");
        }
        if (sent < 0) {
            throw Failures.failure(
                    "sendmsg",
                    sent,
                    "%s, length=0x%x, descriptors=%d"
                            .formatted(Failures.descriptor(number), length, count));
        }
        return sent;
    }

    /**
     * Receives what is there: of a stream at most {@code length} bytes, of packets one.
     *
     * @param received gets the descriptors that came, which the caller then owns, close-on-exec;
     *     null if none may come
     * @param wait whether to wait, at most {@link #receiveTimeout}, when nothing is there
     * @return bytes received; {@link #END_OF_STREAM} when the peer has closed or died; {@link
     *     #WOULD_BLOCK} when nothing came
     * @throws MessageTruncatedException when descriptors or bytes were cut off: what came is closed
     */
    public int receive(
            MemorySegment into, long offset, long length, List<Descriptor> received, boolean wait) {
        int number = descriptor.number();
        int flags = wait ? 0 : MessageDescriptor.MSG_DONTWAIT;
        long got;
        do {
            got = SocketCalls.receive(number, into, offset, length, flags);
        } while (got == -ErrorNames.EINTR);
        if (got == -ErrorNames.EAGAIN) {
            return WOULD_BLOCK;
        }
        if (got == -ErrorNames.ECONNRESET) {
            return END_OF_STREAM;
        }
        if (got < 0) {
            throw Failures.failure("recvmsg", got, Failures.descriptor(number));
        }
        takeDescriptors(received);
        return (int) got;
    }

    /** Gives every descriptor of the last receive an owner, or closes it. */
    private static void takeDescriptors(List<Descriptor> received) {
        int count = SocketCalls.receivedCount();
        int cut = MessageDescriptor.MSG_CTRUNC | MessageDescriptor.MSG_TRUNC;
        boolean truncated = (SocketCalls.receivedFlags() & cut) != 0;
        int taken = 0;
        try {
            while (taken < count && !truncated && received != null) {
                received.add(Descriptor.adopt(SocketCalls.received(taken)));
                taken++;
            }
        } finally {
            for (int i = taken; i < count; i++) {
                ControlCalls.close(SocketCalls.received(i));
            }
        }
        if (truncated) {
            throw new MessageTruncatedException(
                    "a message was cut off: it carries more than %d descriptors, is a longer packet"
                                    .formatted(MAX_DESCRIPTORS)
                            + " than agreed, or this process has no descriptors left (ulimit -n)");
        }
        if (taken < count) {
            throw new MessageTruncatedException(
                    "the peer sent %d descriptors where none may come".formatted(count));
        }
    }

    /**
     * Waits until there is something to receive, the end of the stream included.
     *
     * @param timeoutNanos less than 0 to wait for ever, 0 only to look
     * @return false when the time was over
     */
    public boolean awaitReadable(long timeoutNanos) {
        int number = descriptor.number();
        long deadline = System.nanoTime() + timeoutNanos;
        int events = DataCalls.poll(number, DataCalls.POLLIN, timeoutNanos);
        while (events == -ErrorNames.EINTR) {
            long left = timeoutNanos < 0 ? -1 : Math.max(0, deadline - System.nanoTime());
            events = DataCalls.poll(number, DataCalls.POLLIN, left);
        }
        return Failures.check(events, "ppoll", descriptor) != 0;
    }

    /** How long {@link #receive} waits; 0 for ever. */
    public void receiveTimeout(long nanos) {
        timeout(SocketOption.SO_RCVTIMEO, nanos);
    }

    /** How long {@link #send} waits for room; 0 for ever. */
    public void sendTimeout(long nanos) {
        timeout(SocketOption.SO_SNDTIMEO, nanos);
    }

    private void timeout(SocketOption option, long nanos) {
        if (nanos < 0) {
            throw new IllegalArgumentException("a timeout is not negative: nanos=" + nanos);
        }
        // struct timeval: to the next microsecond, since 0 would be for ever.
        long micros = nanos / 1_000 + (nanos % 1_000 == 0 ? 0 : 1);
        ByteBuffer value = ByteBuffer.allocate(16).order(ByteOrder.nativeOrder());
        value.putLong(micros / 1_000_000).putLong(micros % 1_000_000);
        int level = SocketLevel.SOL_SOCKET.intValue();
        int answer =
                ControlCalls.setSocketOption(
                        descriptor.number(), level, option.intValue(), value.array());
        Failures.check(answer, "setsockopt", option.name());
    }

    /** Who is at the other end. */
    public Credentials peer() {
        byte[] value = new byte[12];
        int level = SocketLevel.SOL_SOCKET.intValue();
        int option = SocketOption.SO_PEERCRED.intValue();
        int answer = ControlCalls.getSocketOption(descriptor.number(), level, option, value);
        Failures.check(answer, "getsockopt", "SO_PEERCRED");
        ByteBuffer fields = ByteBuffer.wrap(value).order(ByteOrder.nativeOrder());
        return new Credentials(fields.getInt(), fields.getInt(), fields.getInt());
    }

    /** Whether the peer has closed, or died; what it sent before can still be received. */
    public boolean isPeerGone() {
        int gone = DataCalls.POLLHUP | DataCalls.POLLRDHUP | DataCalls.POLLERR;
        int events = DataCalls.poll(descriptor.number(), DataCalls.POLLRDHUP, 0);
        while (events == -ErrorNames.EINTR) {
            events = DataCalls.poll(descriptor.number(), DataCalls.POLLRDHUP, 0);
        }
        return (Failures.check(events, "ppoll", descriptor) & gone) != 0;
    }

    /** Closes; the peer sees the end of the stream. */
    @Override
    public void close() {
        descriptor.close();
    }
}
