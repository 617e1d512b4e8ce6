package dev.outboard.uio;

import dev.outboard.uio.nativecall.ControlCalls;
import dev.outboard.uio.nativecall.DataCalls;
import dev.outboard.uio.nativecall.EpollEventDescriptor;
import dev.outboard.uio.nativecall.ErrorNames;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Waits for many descriptors at once, level-triggered.
 *
 * <p>Any thread may add, change and remove; one thread at a time waits. {@link #await} allocates
 * nothing. A descriptor that is closed leaves by itself, if it was the only one of its open file:
 * remove first, then close.
 */
public final class Epoll implements AutoCloseable {
    /** Something can be read; or a listening socket has a connection waiting. */
    public static final int READABLE = 0x001;

    /** Something can be written. */
    public static final int WRITABLE = 0x004;

    /** The descriptor is in error; told whether asked for or not. */
    public static final int ERROR = 0x008;

    /** The peer closed: EPOLLHUP, which is always told, and EPOLLRDHUP, which is asked for. */
    public static final int HANG_UP = 0x010 | 0x2000;

    /**
     * With the others: tells once of each change, and not as long as it lasts (EPOLLET). For a
     * descriptor that need not, or must not, be read: one that a hostile peer shares may block.
     */
    public static final int EDGE = 1 << 31;

    private static final int EPOLL_CLOEXEC = 0x80000;
    private static final int MAX_EVENTS = 64;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

    private final Descriptor descriptor;
    private final MemorySegment events =
            Arena.ofAuto().allocate((long) MAX_EVENTS * EpollEventDescriptor.SIZE_BYTES, 8);

    private Epoll(Descriptor descriptor) {
        this.descriptor = descriptor;
    }

    /** Called for each ready descriptor. */
    @FunctionalInterface
    public interface ReadyHandler {
        /**
         * A descriptor is ready. It may be one that this round's handler has removed a moment ago:
         * then the token tells.
         *
         * @param token what the descriptor was added with
         * @param events READABLE, WRITABLE, HANG_UP, ERROR, of which HANG_UP is two bits
         */
        void onReady(int token, int events);
    }

    /**
     * A new one, watching nothing.
     *
     * @throws NativeException EMFILE when the process has no more descriptors to give
     */
    public static Epoll create() {
        int number = ControlCalls.epollCreate(EPOLL_CLOEXEC);
        return new Epoll(Descriptor.adopt(Failures.check(number, "epoll_create1", "0")));
    }

    /**
     * Watches a descriptor.
     *
     * @param interest READABLE, WRITABLE, HANG_UP, EDGE
     * @param token handed to the handler
     * @throws NativeException EEXIST when it is watched already
     */
    public void add(Descriptor watched, int interest, int token) {
        control(EpollEventDescriptor.ADD, watched, interest, token);
    }

    /**
     * Watches for something else, or under another token.
     *
     * @throws NativeException ENOENT when it is not watched
     */
    public void modify(Descriptor watched, int interest, int token) {
        control(EpollEventDescriptor.MODIFY, watched, interest, token);
    }

    /**
     * Watches no more. A closed descriptor has left already, and is not an error.
     *
     * @throws NativeException ENOENT when it is not watched
     */
    public void remove(Descriptor watched) {
        if (!watched.isClosed()) {
            control(EpollEventDescriptor.DELETE, watched, 0, 0);
        }
    }

    private void control(int operation, Descriptor watched, int interest, int token) {
        ByteBuffer event =
                ByteBuffer.allocate(EpollEventDescriptor.SIZE_BYTES).order(ByteOrder.nativeOrder());
        event.putInt(EpollEventDescriptor.EVENTS_OFFSET, interest);
        event.putInt(EpollEventDescriptor.DATA_OFFSET, token);
        int number = watched.number();
        int answer =
                ControlCalls.epollControl(descriptor.number(), operation, number, event.array());
        if (answer < 0) {
            throw Failures.failure(
                    "epoll_ctl",
                    answer,
                    "operation=%d, %s, interest=0x%x"
                            .formatted(operation, Failures.descriptor(number), interest));
        }
    }

    /**
     * Waits, and calls the handler for each descriptor that is ready, at most 64 in a call.
     *
     * @param timeoutNanos less than 0 to wait for ever, 0 only to look
     * @return how many were ready; 0 when the time was over
     */
    public int await(long timeoutNanos, ReadyHandler handler) {
        int number = descriptor.number();
        int ready = DataCalls.epollWait(number, events, MAX_EVENTS, timeoutNanos);
        if (ready == -ErrorNames.EINTR) {
            ready = awaitAfterSignal(number, timeoutNanos);
        }
        if (ready < 0) {
            throw Failures.failure("epoll_wait", ready, Failures.descriptor(number));
        }
        for (int i = 0; i < ready; i++) {
            long at = (long) i * EpollEventDescriptor.SIZE_BYTES;
            int token = events.get(INT, at + EpollEventDescriptor.DATA_OFFSET);
            handler.onReady(token, events.get(INT, at + EpollEventDescriptor.EVENTS_OFFSET));
        }
        return ready;
    }

    /** Waits on for what is left when a signal handler of the virtual machine came between. */
    private int awaitAfterSignal(int number, long timeoutNanos) {
        long deadline = System.nanoTime() + timeoutNanos;
        int ready;
        do {
            long left = timeoutNanos < 0 ? -1 : Math.max(0, deadline - System.nanoTime());
            ready = DataCalls.epollWait(number, events, MAX_EVENTS, left);
        } while (ready == -ErrorNames.EINTR);
        return ready;
    }

    /** Stops watching everything. End a wait first, by signalling something that is watched. */
    @Override
    public void close() {
        descriptor.close();
    }
}
