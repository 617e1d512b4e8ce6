package dev.outboard.uio;

import dev.outboard.uio.nativecall.ControlCalls;
import dev.outboard.uio.nativecall.DataCalls;
import dev.outboard.uio.nativecall.ErrorNames;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * An eventfd: a count that one side adds to and the other takes, and that can be waited for. What a
 * doorbell is made of, and an interrupt.
 *
 * <p>Owns its descriptor. Any thread. {@link #signal()}, {@link #drain()} and {@link #await(long)}
 * allocate nothing.
 */
public final class EventDescriptor implements AutoCloseable {
    private static final int EFD_CLOEXEC = 0x80000;
    private static final int EFD_NONBLOCK = 0x800;
    private static final String KIND = "anon_inode:[eventfd]";

    private final Descriptor descriptor;

    private EventDescriptor(Descriptor descriptor) {
        this.descriptor = descriptor;
    }

    /**
     * A new one, with nothing signalled, close-on-exec.
     *
     * @throws NativeException EMFILE when the process has no more descriptors to give
     */
    public static EventDescriptor create() {
        int number = ControlCalls.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        return new EventDescriptor(Descriptor.adopt(Failures.check(number, "eventfd", "0")));
    }

    /**
     * Takes ownership of an eventfd that a peer passed, also when this fails. It is made
     * non-blocking, for the peer as well.
     *
     * @throws IllegalArgumentException when it is something else: to write to a peer's pipe or file
     *     could block, or fill a disk
     */
    public static EventDescriptor adopt(Descriptor received) {
        try {
            int number = received.number();
            String kind = kind(number);
            if (!kind.equals(KIND)) {
                throw new IllegalArgumentException("an eventfd was expected, not " + kind);
            }
            int answer = Descriptors.setNonBlocking(number);
            Failures.check(answer, "fcntl(F_SETFL)", Failures.descriptor(number));
            return new EventDescriptor(received);
        } catch (RuntimeException failed) {
            received.close();
            throw failed;
        }
    }

    private static String kind(int number) {
        try {
            return Files.readSymbolicLink(Path.of("/proc/self/fd/" + number)).toString();
        } catch (IOException cause) {
            throw new IllegalArgumentException(
                    "/proc does not say what a received descriptor is: " + cause, cause);
        }
    }

    /** The descriptor, to pass it on or to watch it; it stays this object's. */
    public Descriptor descriptor() {
        return descriptor;
    }

    /**
     * Adds one, and wakes who waits. When the count is full, which takes 2^64 signals or a peer's
     * malice, nothing is added: who waits is awake already.
     */
    public void signal() {
        add(1);
    }

    void add(long value) {
        int number = descriptor.number();
        int answer = DataCalls.eventWrite(number, value);
        while (answer == -ErrorNames.EINTR) {
            answer = DataCalls.eventWrite(number, value);
        }
        if (answer < 0 && answer != -ErrorNames.EAGAIN) {
            throw Failures.failure("write", answer, "eventfd=0x" + Integer.toHexString(number));
        }
    }

    /** Takes the count: how often it was signalled since the last time, 0 if not. Never waits. */
    public long drain() {
        int number = descriptor.number();
        int answer = DataCalls.eventRead(number);
        while (answer == -ErrorNames.EINTR) {
            answer = DataCalls.eventRead(number);
        }
        if (answer == -ErrorNames.EAGAIN) {
            return 0;
        }
        if (answer < 0) {
            throw Failures.failure("read", answer, "eventfd=0x" + Integer.toHexString(number));
        }
        return DataCalls.eventValue();
    }

    /**
     * Waits until something is signalled; takes nothing.
     *
     * @param timeoutNanos less than 0 to wait for ever, 0 only to look
     * @return whether something is signalled
     */
    public boolean await(long timeoutNanos) {
        int number = descriptor.number();
        int answer = DataCalls.poll(number, DataCalls.POLLIN, timeoutNanos);
        if (answer != -ErrorNames.EINTR) {
            return readable(answer, number);
        }
        // Interrupted by a signal handler of the virtual machine: wait on, for what is left.
        long deadline = System.nanoTime() + timeoutNanos;
        while (answer == -ErrorNames.EINTR) {
            long left = timeoutNanos < 0 ? -1 : Math.max(0, deadline - System.nanoTime());
            answer = DataCalls.poll(number, DataCalls.POLLIN, left);
        }
        return readable(answer, number);
    }

    private static boolean readable(int answer, int number) {
        if (answer < 0) {
            throw Failures.failure("ppoll", answer, "eventfd=0x" + Integer.toHexString(number));
        }
        return (answer & DataCalls.POLLIN) != 0;
    }

    @Override
    public void close() {
        descriptor.close();
    }
}
