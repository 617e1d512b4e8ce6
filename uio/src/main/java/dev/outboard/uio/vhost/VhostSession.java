package dev.outboard.uio.vhost;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.MessageTruncatedException;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.UnixSocket;

/**
 * The device's end of one vhost-user connection: takes messages apart, checks them, hands them to
 * the device, answers.
 *
 * <p>It never waits: a message that is half there is kept until the rest comes, and a front-end
 * that does not read its answers loses the session. One thread, whose loop watches {@link
 * #descriptor()} for {@link dev.outboard.uio.Epoll#READABLE}. Whatever a front-end sends ends its
 * own session at worst, with a {@link #reason()}; descriptors that came with a bad message are
 * closed.
 */
public final class VhostSession implements AutoCloseable {
    /** Others are served in between, however fast a front-end sends. */
    private static final int MESSAGES_A_CALL = 16;

    private static final String CLOSED_BY_PEER = "the front-end closed the connection";

    private final UnixSocket socket;
    private final RequestHandler handler;
    private final MessageReader reader;
    private final Message answer = new Message();
    private String reason;

    /**
     * Takes ownership of the socket; the back-end stays the caller's, also when the session ends.
     */
    public VhostSession(UnixSocket connected, VhostBackEnd backEnd) {
        socket = connected;
        reader = new MessageReader(connected, "front-end");
        handler = new RequestHandler(backEnd);
    }

    /**
     * Handles what has arrived.
     *
     * @return false once the session is over, for the reason that {@link #reason()} gives: the
     *     device then lets go of the front-end's memory, rings and descriptors
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
                handle(reader.message());
            }
        } catch (PeerGoneException gone) {
            end(CLOSED_BY_PEER);
        } catch (VhostProtocolException | NativeException | MessageTruncatedException broken) {
            end(broken.getMessage());
        } catch (RuntimeException failed) {
            end(
                    "the device failed at %s: %s"
                            .formatted(Requests.name(reader.message().request()), failed));
        }
        return reason == null;
    }

    /** Hands the complete message over, answers, and closes descriptors that nobody took. */
    private void handle(Message message) {
        try {
            boolean mayAnswer = handler.isAnswerPromised() && message.isAnswerWanted();
            boolean answered;
            try {
                answered = handler.handle(message, reader.descriptors(), answer);
            } catch (VhostProtocolException | NativeException refused) {
                if (!mayAnswer || Requests.hasAnswer(message.request())) {
                    throw refused;
                }
                handler.acknowledge(message, answer, false);
                send();
                return;
            }
            if (!answered && mayAnswer) {
                handler.acknowledge(message, answer, true);
                answered = true;
            }
            if (answered) {
                send();
            }
        } finally {
            reader.next();
        }
    }

    private void send() {
        int length = answer.lengthBytes();
        if (socket.trySend(answer.memory(), 0, length) != length) {
            throw new VhostProtocolException("the front-end does not read its answers");
        }
    }

    /** Why the session ended, for people; null while it lives. */
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

    /** Ends the session: the front-end sees the connection close. */
    @Override
    public void close() {
        end("the device closed the session");
    }
}
