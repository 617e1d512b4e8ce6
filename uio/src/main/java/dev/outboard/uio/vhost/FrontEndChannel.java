package dev.outboard.uio.vhost;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.MessageTruncatedException;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.PeerTimeoutException;
import dev.outboard.uio.UnixSocket;
import java.util.ArrayList;
import java.util.List;

/**
 * Requests and their answers, one after another, on a connected socket. Waits are bounded as a
 * whole, so that a back-end that sends a byte now and then gains nothing. After a broken answer, or
 * none in time, the connection is closed: what comes next could not be told from what was late.
 */
final class FrontEndChannel implements AutoCloseable {
    private final UnixSocket socket;
    private final String peer;
    private final long timeoutNanos;
    private final Message message = new Message();
    private final Message answer = new Message();

    FrontEndChannel(UnixSocket socket, String peer, long timeoutNanos) {
        this.socket = socket;
        this.peer = peer;
        this.timeoutNanos = timeoutNanos;
        socket.sendTimeout(timeoutNanos);
    }

    UnixSocket socket() {
        return socket;
    }

    /** Begins the next request. */
    Message request(int request, int size) {
        return message.begin(request, 0, size);
    }

    /** Sends the request that was begun, and expects no answer. */
    void tell(Descriptor... passed) {
        try {
            socket.send(message.memory(), 0, message.lengthBytes(), passed);
        } catch (PeerGoneException gone) {
            socket.close();
            throw new PeerGoneException("the back-end at %s is gone: %s".formatted(peer, name()));
        } catch (PeerTimeoutException late) {
            socket.close();
            throw new PeerTimeoutException(
                    "the back-end at %s reads no requests: %s".formatted(peer, name()));
        }
    }

    /** Sends the request that was begun, and waits for success or refusal. */
    void tellAndConfirm(Descriptor... passed) {
        message.wantAnswer();
        tell(passed);
        Message told = receive(PayloadDescriptor.NUMBER_BYTES, false);
        if (told.getLong(0) != 0) {
            throw new VhostProtocolException(
                    "the back-end at %s refused %s: it answered 0x%x; its own output says why"
                            .formatted(peer, name(), told.getLong(0)));
        }
    }

    /**
     * Sends the request that was begun, and waits for its answer.
     *
     * @param size of the answer's payload
     */
    Message ask(int size) {
        tell();
        return receive(size, false);
    }

    /** As {@link #ask}, and lets an answer without payload through, by which some say no. */
    Message askOrNothing(int size) {
        tell();
        return receive(size, true);
    }

    private String name() {
        return Requests.name(message.request());
    }

    private Message receive(int size, boolean maybeNothing) {
        List<Descriptor> unwanted = new ArrayList<>();
        long deadline = System.nanoTime() + timeoutNanos;
        try {
            receiveUpTo(0, HeaderDescriptor.HEADER_BYTES, unwanted, deadline);
            requireAnswer(size, maybeNothing);
            receiveUpTo(HeaderDescriptor.HEADER_BYTES, answer.lengthBytes(), unwanted, deadline);
            if (!unwanted.isEmpty()) {
                throw new VhostProtocolException(
                        "the back-end at %s answered %s with %d descriptors"
                                .formatted(peer, name(), unwanted.size()));
            }
            return answer;
        } catch (VhostProtocolException
                | PeerGoneException
                | PeerTimeoutException
                | MessageTruncatedException broken) {
            socket.close();
            throw broken;
        } finally {
            unwanted.forEach(Descriptor::close);
        }
    }

    private void receiveUpTo(int from, int to, List<Descriptor> unwanted, long deadline) {
        int received = from;
        while (received < to) {
            if (!socket.awaitReadable(Math.max(0, deadline - System.nanoTime()))) {
                throw new PeerTimeoutException(
                        "the back-end at %s did not answer %s within %d ms"
                                .formatted(peer, name(), timeoutNanos / 1_000_000));
            }
            int got = socket.receive(answer.memory(), received, to - received, unwanted, false);
            if (got == UnixSocket.END_OF_STREAM) {
                throw new PeerGoneException(
                        ("the back-end at %s closed the connection at %s: it refuses the request,"
                                        + " serves another client, or died")
                                .formatted(peer, name()));
            }
            received += Math.max(got, 0);
        }
    }

    private void requireAnswer(int size, boolean maybeNothing) {
        int version = answer.flags() & HeaderDescriptor.VERSION_MASK;
        boolean isAnswer = (answer.flags() & HeaderDescriptor.FLAG_REPLY) != 0;
        boolean sized = answer.size() == size || maybeNothing && answer.size() == 0;
        if (version != HeaderDescriptor.VERSION
                || !isAnswer
                || !sized
                || answer.request() != message.request()) {
            throw new VhostProtocolException(
                    "the back-end at %s answered %s with request=%d flags=0x%x size=%d"
                            .formatted(
                                    peer, name(), answer.request(), answer.flags(), answer.size()));
        }
    }

    @Override
    public void close() {
        socket.close();
    }
}
