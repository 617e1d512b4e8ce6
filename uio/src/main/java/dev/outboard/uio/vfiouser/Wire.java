package dev.outboard.uio.vfiouser;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.UnixSocket;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Messages on a connected socket. Any thread sends, one message after the other; one thread
 * receives. Owns the socket.
 */
final class Wire implements AutoCloseable {
    private final UnixSocket socket;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment outgoing =
            arena.allocate(VfioUserDescriptor.MOST_MESSAGE_BYTES, Long.BYTES);
    private final MemorySegment incoming =
            arena.allocate(VfioUserDescriptor.MOST_MESSAGE_BYTES, Long.BYTES);
    private final List<Descriptor> descriptors = new ArrayList<>();
    private final Object sending = new Object();
    private int received;
    private boolean closed;

    Wire(UnixSocket socket) {
        this.socket = socket;
    }

    UnixSocket socket() {
        return socket;
    }

    /** Puts a payload together. */
    @FunctionalInterface
    interface Payload {
        /** Writes it to the beginning of a segment. */
        void write(MemorySegment into);
    }

    /** A message without a payload. */
    static final Payload NONE = into -> {};

    /**
     * Sends a message.
     *
     * @param length of the payload
     * @throws PeerGoneException when the peer has closed, or died
     */
    void send(
            int id,
            int command,
            int flags,
            int error,
            int length,
            Payload payload,
            Descriptor... passed) {
        synchronized (sending) {
            if (closed) {
                throw new PeerGoneException("the connection is closed");
            }
            int all = VfioUserDescriptor.HEADER_BYTES + length;
            outgoing.set(VfioUserDescriptor.U16, VfioUserDescriptor.ID, (short) id);
            outgoing.set(VfioUserDescriptor.U16, VfioUserDescriptor.COMMAND, (short) command);
            outgoing.set(VfioUserDescriptor.U32, VfioUserDescriptor.LENGTH, all);
            outgoing.set(VfioUserDescriptor.U32, VfioUserDescriptor.FLAGS, flags);
            outgoing.set(VfioUserDescriptor.U32, VfioUserDescriptor.ERROR, error);
            MemorySegment body = outgoing.asSlice(VfioUserDescriptor.HEADER_BYTES, length);
            body.fill((byte) 0);
            payload.write(body);
            socket.send(outgoing, 0, all, passed);
        }
    }

    /**
     * Takes more of the current message, without waiting.
     *
     * @return whether it is complete: then {@link #header}, {@link #payload} and {@link
     *     #takeDescriptors} tell of it, until {@link #next}
     * @throws PeerGoneException when the peer has closed, or died
     * @throws VfioUserException when it can be no message
     */
    boolean receive() {
        if (received < VfioUserDescriptor.HEADER_BYTES) {
            if (!receiveUpTo(VfioUserDescriptor.HEADER_BYTES)) {
                return false;
            }
            int length = header(VfioUserDescriptor.LENGTH);
            if (length < VfioUserDescriptor.HEADER_BYTES
                    || length > VfioUserDescriptor.MOST_MESSAGE_BYTES) {
                throw new VfioUserException(
                        "a message of 0x%x bytes: they have 0x%x to 0x%x"
                                .formatted(
                                        length,
                                        VfioUserDescriptor.HEADER_BYTES,
                                        VfioUserDescriptor.MOST_MESSAGE_BYTES));
            }
        }
        return receiveUpTo(header(VfioUserDescriptor.LENGTH));
    }

    private boolean receiveUpTo(int length) {
        while (received < length) {
            int got = socket.receive(incoming, received, length - received, descriptors, false);
            if (got == UnixSocket.WOULD_BLOCK) {
                return false;
            }
            if (got == UnixSocket.END_OF_STREAM) {
                throw new PeerGoneException(
                        received == 0
                                ? "the peer closed the connection"
                                : "the peer closed the connection in mid-message");
            }
            received += got;
            if (descriptors.size() > VfioUserDescriptor.MOST_DESCRIPTORS) {
                throw new VfioUserException(
                        "a message with more than %d descriptors"
                                .formatted(VfioUserDescriptor.MOST_DESCRIPTORS));
            }
        }
        return true;
    }

    /** A word of the header. */
    int header(int offset) {
        return incoming.get(VfioUserDescriptor.U32, offset);
    }

    int id() {
        return Short.toUnsignedInt(incoming.get(VfioUserDescriptor.U16, VfioUserDescriptor.ID));
    }

    int command() {
        return Short.toUnsignedInt(
                incoming.get(VfioUserDescriptor.U16, VfioUserDescriptor.COMMAND));
    }

    /** What came, valid until {@link #next}. */
    MemorySegment payload() {
        return incoming.asSlice(
                VfioUserDescriptor.HEADER_BYTES,
                header(VfioUserDescriptor.LENGTH) - VfioUserDescriptor.HEADER_BYTES);
    }

    /** The descriptors that came: the caller's from now on. */
    List<Descriptor> takeDescriptors() {
        List<Descriptor> taken = List.copyOf(descriptors);
        descriptors.clear();
        return taken;
    }

    /** Makes room for the next message. */
    void next() {
        received = 0;
        descriptors.forEach(Descriptor::close);
        descriptors.clear();
    }

    /** The text that ends a payload, without its 0. */
    static String text(MemorySegment payload, int offset) {
        if (payload.byteSize() <= offset) {
            return "";
        }
        byte[] bytes = payload.asSlice(offset).toArray(ValueLayout.JAVA_BYTE);
        int end = 0;
        while (end < bytes.length && bytes[end] != 0) {
            end++;
        }
        return new String(bytes, 0, end, StandardCharsets.UTF_8);
    }

    /** The receiving thread's, or after it has ended. */
    @Override
    public void close() {
        synchronized (sending) {
            if (closed) {
                return;
            }
            closed = true;
            next();
            socket.close();
            arena.close();
        }
    }
}
