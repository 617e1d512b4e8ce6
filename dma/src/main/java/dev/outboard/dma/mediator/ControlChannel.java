package dev.outboard.dma.mediator;

import dev.outboard.dma.mediator.ControlMessage.Kind;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.Epoll;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.PeerTimeoutException;
import dev.outboard.uio.Resources;
import dev.outboard.uio.UnixSocket;
import dev.outboard.uio.Waits;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * A client's socket to the mediator: one question at a time, from any thread, and a daemon thread
 * that receives the answers and what the mediator tells unasked.
 */
final class ControlChannel implements AutoCloseable {
    /** Longer than a flush may take that an answer waits for. */
    static final long ANSWER_NANOS = TimeUnit.SECONDS.toNanos(90);

    private static final System.Logger LOG = System.getLogger(ControlChannel.class.getName());
    private static final int SOCKET_TOKEN = 0;
    private static final int STOP_TOKEN = 1;

    private final Path path;
    private final UnixSocket socket;
    private final Consumer<ControlMessage> unasked;
    private final Runnable onLost;
    private final Resources owned = new Resources();
    private final Epoll epoll;
    private final EventDescriptor stop;
    private final MemorySegment sent = ControlMessage.buffer();
    private final MemorySegment received = ControlMessage.buffer();
    private final Thread thread;
    private final Object asking = new Object();

    /** Guarded by this, as is the answer. */
    private boolean waiting;

    private Answer answer;
    private volatile boolean lost;
    private volatile boolean closing;

    /** An answer, and the descriptors that came with it, which the asker owns. */
    record Answer(ControlMessage message, List<Descriptor> descriptors) {
        void closeDescriptors() {
            descriptors.forEach(Descriptor::close);
        }
    }

    /**
     * Takes over a connected socket, also if it fails.
     *
     * @param unasked told of what was not asked for, on the thread of this channel
     * @param onLost run once on that thread when the mediator has closed or died
     */
    ControlChannel(
            Path path, UnixSocket socket, Consumer<ControlMessage> unasked, Runnable onLost) {
        this.path = path;
        this.socket = owned.add(socket);
        this.unasked = unasked;
        this.onLost = onLost;
        try {
            epoll = owned.add(Epoll.create());
            stop = owned.add(EventDescriptor.create());
            epoll.add(socket.descriptor(), Epoll.READABLE | Epoll.HANG_UP, SOCKET_TOKEN);
            epoll.add(stop.descriptor(), Epoll.READABLE, STOP_TOKEN);
        } catch (RuntimeException failure) {
            owned.closeAfter(failure);
            throw failure;
        }
        thread = Thread.ofPlatform().daemon().name("mediator-client").unstarted(this::run);
    }

    void start() {
        thread.start();
    }

    boolean isLost() {
        return lost;
    }

    /** What everybody is told who asks a mediator that has gone. */
    PeerGoneException gone() {
        return new PeerGoneException(
                "the mediator at "
                        + path
                        + " has ended, and with it all mappings: start it, then this driver again");
    }

    /**
     * Asks, and waits for the answer.
     *
     * @throws PeerGoneException if the mediator has ended
     * @throws RuntimeException what a refusal means, see {@link Refusal}
     */
    Answer ask(ControlMessage question, Kind expected, int descriptors) {
        synchronized (asking) {
            synchronized (this) {
                requireThere();
                waiting = true;
                answer = null;
            }
            try {
                send(question);
                return checked(await(question), expected, descriptors);
            } finally {
                synchronized (this) {
                    waiting = false;
                }
            }
        }
    }

    private void send(ControlMessage question) {
        try {
            socket.send(sent, 0, question.write(sent));
        } catch (PeerGoneException closed) {
            // It has ended, and our thread has not seen that yet.
            throw gone();
        }
    }

    ControlMessage ask(ControlMessage question) {
        return ask(question, Kind.DONE, 0).message();
    }

    private void requireThere() {
        if (closing) {
            throw new IllegalStateException("the connection to the mediator is closed");
        }
        if (lost) {
            throw gone();
        }
    }

    private synchronized Answer await(ControlMessage question) {
        long deadline = System.nanoTime() + ANSWER_NANOS;
        boolean interrupted = false;
        while (answer == null) {
            requireThere();
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                throw new PeerTimeoutException(
                        "the mediator at %s did not answer %s within %d s"
                                .formatted(path, question.kind(), ANSWER_NANOS / 1_000_000_000));
            }
            try {
                TimeUnit.NANOSECONDS.timedWait(this, left);
            } catch (InterruptedException wait) {
                // The answer belongs to this question: it is waited for all the same.
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return answer;
    }

    private static Answer checked(Answer answer, Kind expected, int descriptors) {
        ControlMessage message = answer.message();
        if (message.kind() == expected && answer.descriptors().size() == descriptors) {
            return answer;
        }
        answer.closeDescriptors();
        if (message.kind() == Kind.REFUSED) {
            throw Refusal.exception(message);
        }
        throw new IllegalArgumentException(
                "the mediator sent %s with %d descriptors where %s with %d was due"
                        .formatted(message, answer.descriptors().size(), expected, descriptors));
    }

    private void run() {
        try {
            while (!closing && !lost) {
                epoll.await(-1, this::onReady);
            }
        } catch (RuntimeException failure) {
            LOG.log(System.Logger.Level.WARNING, "mediator at " + path, failure);
        } finally {
            lose();
        }
    }

    private void onReady(int token, int events) {
        if (token != SOCKET_TOKEN || lost) {
            return;
        }
        List<Descriptor> descriptors = new ArrayList<>();
        int length = socket.receive(received, 0, ControlMessage.BUFFER_BYTES, descriptors, false);
        if (length == UnixSocket.WOULD_BLOCK) {
            return;
        }
        if (length == UnixSocket.END_OF_STREAM) {
            lost = true;
            return;
        }
        ControlMessage message = ControlMessage.read(received, length);
        if (message.kind().isUnasked()) {
            descriptors.forEach(Descriptor::close);
            tell(message);
        } else {
            give(new Answer(message, descriptors));
        }
    }

    private void tell(ControlMessage message) {
        try {
            unasked.accept(message);
        } catch (RuntimeException failure) {
            // A listener's defect may not end the thread on which every answer comes.
            LOG.log(System.Logger.Level.WARNING, "a listener failed: " + message, failure);
        }
    }

    private synchronized void give(Answer came) {
        if (!waiting || answer != null) {
            came.closeDescriptors();
            return;
        }
        answer = came;
        notifyAll();
    }

    private void lose() {
        synchronized (this) {
            lost = true;
            notifyAll();
        }
        if (!closing) {
            onLost.run();
        }
    }

    /** Ends the connection: the mediator takes everything back. Twice does no harm. */
    @Override
    public void close() {
        synchronized (this) {
            if (closing) {
                return;
            }
            closing = true;
            notifyAll();
        }
        stop.signal();
        Waits.forEnd(thread);
        owned.close();
    }
}
