package dev.outboard.uio.vhost;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.MessageTruncatedException;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.UnixSocket;

/**
 * The device's end of the channel on which a back-end asks its front-end. One thread; never waits.
 * A front-end that does not read is asked no more, which {@link #missed} tells. To ask allocates
 * nothing.
 *
 * <p>A translation that the front-end gives comes on the other connection, as {@link
 * VhostBackEnd#iotlb}. Here comes only, if it is wanted, whether it gives one: answers are in the
 * order of the questions.
 */
public final class BackEndRequests implements AutoCloseable {
    /** The most questions without an answer, of those that want one. */
    public static final int MAX_UNANSWERED = 64;

    /** What {@link #missedAnswerWanted} returns when it could not ask. */
    public static final long NOT_ASKED = -1;

    private final UnixSocket socket;
    private final MessageReader reader;
    private final Message message = new Message();
    private long asked;
    private long answered;
    private boolean peerGone;
    private String reason;

    BackEndRequests(UnixSocket socket) {
        this.socket = socket;
        reader = new MessageReader(socket, "front-end");
    }

    /** What a front-end answers. */
    @FunctionalInterface
    public interface Answers {
        /**
         * A question is answered.
         *
         * @param question what {@link #missedAnswerWanted} returned
         * @param given false when there will be no such translation
         */
        void missAnswered(long question, boolean given);
    }

    /**
     * Asks for a translation; it comes, if it does, as {@link VhostBackEnd#iotlb}.
     *
     * @param access 1 to read, 2 to write, 3 both
     * @return false when the front-end is gone or does not read: nothing was asked
     */
    public boolean missed(long iova, int access) {
        return send(iova, access, IotlbMessage.MISS, 0);
    }

    /**
     * The same, and has the front-end answer whether it gives it; needs REPLY_ACK. See {@link
     * #onReadable}.
     *
     * @return the number of the question, from 0 on; {@link #NOT_ASKED} also when {@link
     *     #MAX_UNANSWERED} are not answered yet
     */
    public long missedAnswerWanted(long iova, int access) {
        boolean sent =
                asked - answered < MAX_UNANSWERED
                        && send(iova, access, IotlbMessage.MISS, HeaderDescriptor.FLAG_NEED_REPLY);
        return sent ? asked++ : NOT_ASKED;
    }

    /**
     * Tells that an access was refused.
     *
     * @return false when the front-end is gone or does not read
     */
    public boolean accessFailed(long iova, int access) {
        return send(iova, access, IotlbMessage.ACCESS_FAILURE, 0);
    }

    /**
     * Tells that the configuration space has changed: the front-end reads it again.
     *
     * @return false when the front-end is gone or does not read
     */
    public boolean configChanged() {
        if (socket.descriptor().isClosed()) {
            return false;
        }
        message.begin(Requests.BACKEND_CONFIG_CHANGE, 0, 0);
        return sendMessage();
    }

    private boolean send(long iova, int access, int type, int flags) {
        if (socket.descriptor().isClosed()) {
            return false;
        }
        message.begin(Requests.BACKEND_IOTLB_MSG, flags, PayloadDescriptor.IOTLB_BYTES)
                .putLong(PayloadDescriptor.IOTLB_IOVA_OFFSET, iova)
                .putLong(PayloadDescriptor.IOTLB_LENGTH_OFFSET, 1)
                .putByte(PayloadDescriptor.IOTLB_ACCESS_OFFSET, access)
                .putByte(PayloadDescriptor.IOTLB_TYPE_OFFSET, type);
        return sendMessage();
    }

    private boolean sendMessage() {
        int length = message.lengthBytes();
        try {
            int sent = socket.trySend(message.memory(), 0, length);
            if (sent > 0 && sent < length) {
                // Half a message is the end of the channel: the next would not be understood.
                end("the front-end does not read the back-end channel");
            }
            return sent == length;
        } catch (PeerGoneException gone) {
            return false;
        }
    }

    /**
     * Takes the answers that have come, a few at most.
     *
     * @return false once the channel is closed, for the reason that {@link #reason()} gives
     */
    public boolean onReadable(Answers answers) {
        try {
            for (int i = 0; i < MAX_UNANSWERED && reason == null; i++) {
                if (!reader.receive()) {
                    if (reader.end() != null) {
                        peerGone = true;
                        end("of the back-end channel: " + reader.end());
                    }
                    break;
                }
                try {
                    requireAnswer(reader.message());
                    answers.missAnswered(answered++, reader.message().getLong(0) == 0);
                } finally {
                    reader.next();
                }
            }
        } catch (PeerGoneException gone) {
            peerGone = true;
            end("of the back-end channel: " + gone.getMessage());
        } catch (VhostProtocolException | NativeException | MessageTruncatedException broken) {
            end("of the back-end channel: " + broken.getMessage());
        }
        return reason == null;
    }

    private void requireAnswer(Message told) {
        if (asked == answered
                || told.request() != Requests.BACKEND_IOTLB_MSG
                || (told.flags() & HeaderDescriptor.FLAG_REPLY) == 0
                || told.size() != PayloadDescriptor.NUMBER_BYTES
                || !reader.descriptors().isEmpty()) {
            throw new VhostProtocolException(
                    "this is no answer: request=%d flags=0x%x size=%d descriptors=%d, of %d due"
                            .formatted(
                                    told.request(),
                                    told.flags(),
                                    told.size(),
                                    reader.descriptors().size(),
                                    asked - answered));
        }
    }

    /** Why the channel ended, for people; null while it lives. */
    public String reason() {
        return reason;
    }

    /** Whether it ended as the front-end closed its end. */
    public boolean isPeerGone() {
        return peerGone;
    }

    /** What to watch, for READABLE and HANG_UP; it stays this object's. */
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
        end("the device closed the back-end channel");
    }
}
