package dev.outboard.uio.vhost;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.UnixSocket;
import java.util.ArrayList;
import java.util.List;

/**
 * Takes messages off a socket without ever waiting: one that is half there is kept until the rest
 * comes, with the descriptors that came so far. One thread.
 */
final class MessageReader {
    private final UnixSocket socket;
    private final String peer;
    private final Message message = new Message();
    private final List<Descriptor> descriptors = new ArrayList<>();
    private int received;
    private String end;

    /**
     * @param peer who sends, for people
     */
    MessageReader(UnixSocket socket, String peer) {
        this.socket = socket;
        this.peer = peer;
    }

    /** The message that {@link #receive()} has completed. */
    Message message() {
        return message;
    }

    /** What came with it: the reader's, until it is taken out. */
    List<Descriptor> descriptors() {
        return descriptors;
    }

    /** That the peer closed, in words; null while it has not. */
    String end() {
        return end;
    }

    /**
     * Takes more of the current message.
     *
     * @return whether it is complete
     * @throws VhostProtocolException when it can be no message
     */
    boolean receive() {
        if (received < HeaderDescriptor.HEADER_BYTES) {
            if (!receiveUpTo(HeaderDescriptor.HEADER_BYTES)) {
                return false;
            }
            requireSaneHeader();
        }
        return receiveUpTo(message.lengthBytes());
    }

    private boolean receiveUpTo(int lengthBytes) {
        while (received < lengthBytes) {
            int got =
                    socket.receive(
                            message.memory(), received, lengthBytes - received, descriptors, false);
            if (got == UnixSocket.WOULD_BLOCK) {
                return false;
            }
            if (got == UnixSocket.END_OF_STREAM) {
                end =
                        "the %s closed the connection%s"
                                .formatted(peer, received == 0 ? "" : " in mid-message");
                return false;
            }
            received += got;
            if (descriptors.size() > PayloadDescriptor.MAX_REGIONS) {
                throw new VhostProtocolException(
                        "a message came with more than %d descriptors"
                                .formatted(PayloadDescriptor.MAX_REGIONS));
            }
        }
        return true;
    }

    private void requireSaneHeader() {
        int version = message.flags() & HeaderDescriptor.VERSION_MASK;
        if (version != HeaderDescriptor.VERSION) {
            throw new VhostProtocolException(
                    "a message of version %d: only version 1 is spoken".formatted(version));
        }
        int size = message.size();
        if (size < 0 || size > PayloadDescriptor.MAX_BYTES) {
            throw new VhostProtocolException(
                    "a payload of 0x%x bytes with request %d: at most 0x%x are taken"
                            .formatted(size, message.request(), PayloadDescriptor.MAX_BYTES));
        }
    }

    /** Makes room for the next message: descriptors that nobody took are closed. */
    void next() {
        received = 0;
        descriptors.forEach(Descriptor::close);
        descriptors.clear();
    }
}
