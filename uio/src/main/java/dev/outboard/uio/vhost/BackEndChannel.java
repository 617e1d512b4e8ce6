package dev.outboard.uio.vhost;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.MessageTruncatedException;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.UnixSocket;

/**
 * The driver's end of the channel on which a back-end asks: for translations that it lacks, above
 * all. One thread; never waits. Whatever a back-end sends ends the channel at worst, with a {@link
 * #reason()}.
 */
public final class BackEndChannel implements AutoCloseable {
    private static final int MESSAGES_A_CALL = 64;

    private final UnixSocket socket;
    private final Listener listener;
    private final MessageReader reader;
    private final Message answer = new Message();
    private String reason;

    BackEndChannel(UnixSocket socket, Listener listener) {
        this.socket = socket;
        this.listener = listener;
        reader = new MessageReader(socket, "back-end");
    }

    /** What a back-end may tell; called on the thread that calls {@link #onReadable()}. */
    public interface Listener {
        /**
         * The back-end lacks a translation. It is given by {@link VhostFrontEnd#updateIotlb}, or
         * not.
         *
         * @param access 1 to read, 2 to write, 3 both
         * @return whether it is given: a back-end that wants an answer is told
         */
        boolean iotlbMissed(long iova, int access);

        /** The back-end was refused an access: a fault. */
        void accessFailed(long iova, int access);

        /** The configuration space has changed. */
        default void configChanged() {}
    }

    /**
     * Handles what has arrived.
     *
     * @return false once the channel is closed, for the reason that {@link #reason()} gives
     */
    public boolean onReadable() {
        try {
            for (int i = 0; i < MESSAGES_A_CALL && reason == null; i++) {
                if (!reader.receive()) {
                    if (reader.end() != null) {
                        end(reader.end());
                    }
                    break;
                }
                try {
                    handle(reader.message());
                } finally {
                    reader.next();
                }
            }
        } catch (PeerGoneException
                | VhostProtocolException
                | NativeException
                | MessageTruncatedException broken) {
            end(broken.getMessage());
        }
        return reason == null;
    }

    private void handle(Message message) {
        int request = message.request();
        if (!reader.descriptors().isEmpty()) {
            throw new VhostProtocolException(
                    "request %d of the back-end came with descriptors".formatted(request));
        }
        boolean done = true;
        if (request == Requests.BACKEND_IOTLB_MSG
                && message.size() == PayloadDescriptor.IOTLB_BYTES) {
            done = iotlb(IotlbMessage.of(message));
        } else if (request == Requests.BACKEND_CONFIG_CHANGE && message.size() == 0) {
            listener.configChanged();
        } else {
            throw new VhostProtocolException(
                    "the back-end asked request=%d size=%d, which is not understood"
                            .formatted(request, message.size()));
        }
        if (message.isAnswerWanted()) {
            acknowledge(request, done);
        }
    }

    private boolean iotlb(IotlbMessage told) {
        told.requirePlausible();
        switch (told.type()) {
            case IotlbMessage.MISS -> {
                return listener.iotlbMissed(told.iova(), told.access());
            }
            case IotlbMessage.ACCESS_FAILURE -> {
                listener.accessFailed(told.iova(), told.access());
                return true;
            }
            default -> throw new VhostProtocolException("from a back-end: " + told);
        }
    }

    private void acknowledge(int request, boolean done) {
        answer.begin(request, HeaderDescriptor.FLAG_REPLY, PayloadDescriptor.NUMBER_BYTES)
                .putLong(0, done ? 0 : 1);
        int length = answer.lengthBytes();
        if (socket.trySend(answer.memory(), 0, length) != length) {
            throw new VhostProtocolException("the back-end does not read its answers");
        }
    }

    /** Why the channel ended, for people; null while it lives. */
    public String reason() {
        return reason;
    }

    /** What to watch; it stays this object's. */
    public Descriptor descriptor() {
        return socket.descriptor();
    }

    private void end(String why) {
        if (reason == null) {
            reason = why;
        }
        reader.next();
        socket.close();
    }

    @Override
    public void close() {
        end("the front-end closed the channel");
    }
}
