package dev.outboard.uio.vhost;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.MessageTruncatedException;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.PeerTimeoutException;
import dev.outboard.uio.UnixSocket;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Requests and their answers, one after another, on a connected socket. Waits are bounded as a
 * whole, so that a back-end that sends a byte now and then gains nothing. After a broken answer, or
 * none in time, the connection is closed: what comes next could not be told from what was late.
 *
 * <p>One thread asks at a time, which the owner sees to. Messages without an answer may come
 * between a request and its answer, from any thread: {@link #feed}.
 */
final class FrontEndChannel implements AutoCloseable {
    private final UnixSocket socket;
    private final String peer;
    private final long timeoutNanos;
    private final Message message = new Message();
    private final Message answer = new Message();
    private final List<Descriptor> unwanted = new ArrayList<>(1);

    /** Held while a message is put together and sent, never while an answer is awaited. */
    private final ReentrantLock sending = new ReentrantLock();

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
        sending.lock();
        try {
            send(message.memory(), message.lengthBytes(), message.request(), passed);
        } finally {
            sending.unlock();
        }
    }

    private void send(MemorySegment bytes, int lengthBytes, int request, Descriptor... passed) {
        requireOpen(request);
        try {
            socket.send(bytes, 0, lengthBytes, passed);
        } catch (PeerGoneException gone) {
            socket.close();
            throw gone(request);
        } catch (PeerTimeoutException late) {
            socket.close();
            throw new PeerTimeoutException(
                    "the back-end at %s reads no requests: %s"
                            .formatted(peer, Requests.name(request)));
        }
    }

    private void requireOpen(int request) {
        if (socket.descriptor().isClosed()) {
            throw gone(request);
        }
    }

    private PeerGoneException gone(int request) {
        return new PeerGoneException(
                "the back-end at %s is gone: %s".formatted(peer, Requests.name(request)));
    }

    /**
     * Has a batch filled and sends it, so that nothing is sent between the two; expects no answer.
     * Any thread.
     */
    void feed(IotlbBatch batch, IotlbBatch.Source source) {
        sending.lock();
        try {
            batch.clear();
            source.fill(batch);
            if (!batch.isEmpty()) {
                send(batch.memory(), batch.lengthBytes(), Requests.IOTLB_MSG);
            }
        } finally {
            sending.unlock();
        }
    }

    /** Sends a batch that is not empty, and waits until all of it has been obeyed. */
    void tellAndConfirm(IotlbBatch batch) {
        batch.wantAnswer();
        // What was begun last is what a failure is told of, and what the answer must name.
        message.begin(Requests.IOTLB_MSG, 0, 0);
        sending.lock();
        try {
            send(batch.memory(), batch.lengthBytes(), Requests.IOTLB_MSG);
        } finally {
            sending.unlock();
        }
        confirm();
    }

    /** Sends the request that was begun, and waits for success or refusal. */
    void tellAndConfirm(Descriptor... passed) {
        message.wantAnswer();
        tell(passed);
        confirm();
    }

    private void confirm() {
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
        long deadline = System.nanoTime() + timeoutNanos;
        int most = HeaderDescriptor.HEADER_BYTES + size;
        try {
            int received = receive(0, HeaderDescriptor.HEADER_BYTES, most, deadline);
            requireAnswer(size, maybeNothing);
            receive(received, answer.lengthBytes(), most, deadline);
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
            close();
            throw broken;
        } finally {
            unwanted.forEach(Descriptor::close);
            unwanted.clear();
        }
    }

    /** Receives on until there are so many bytes; at most as many as the answer has. */
    private int receive(int from, int atLeast, int atMost, long deadline) {
        int received = from;
        while (received < atLeast) {
            requireOpen(message.request());
            int got = socket.receive(answer.memory(), received, atMost - received, unwanted, false);
            if (got == UnixSocket.END_OF_STREAM) {
                throw new PeerGoneException(
                        ("the back-end at %s closed the connection at %s: it refuses the request,"
                                        + " serves another client, or died")
                                .formatted(peer, name()));
            }
            received += Math.max(got, 0);
            if (got == UnixSocket.WOULD_BLOCK
                    && !socket.awaitReadable(Math.max(0, deadline - System.nanoTime()))) {
                throw new PeerTimeoutException(
                        "the back-end at %s did not answer %s within %d ms"
                                .formatted(peer, name(), timeoutNanos / 1_000_000));
            }
        }
        return received;
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

    /** Never in the middle of another thread's message: its descriptor could be somebody else's. */
    @Override
    public void close() {
        sending.lock();
        try {
            socket.close();
        } finally {
            sending.unlock();
        }
    }
}
