package dev.outboard.uio;

import dev.outboard.uio.nativecall.ControlCalls;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * Owns one file descriptor, and closes it once.
 *
 * <p>Any thread. To close it while another thread is inside a call on it is that program's mistake:
 * the kernel may give the number to somebody else in between. The classes of this package that wait
 * say how to end a wait first.
 */
public final class Descriptor implements AutoCloseable {
    private static final int CLOSED = -1;
    private static final int F_DUPFD_CLOEXEC = 1030;
    private static final VarHandle NUMBER;

    static {
        try {
            NUMBER = MethodHandles.lookup().findVarHandle(Descriptor.class, "number", int.class);
        } catch (ReflectiveOperationException impossible) {
            throw new ExceptionInInitializerError(impossible);
        }
    }

    private int number;

    private Descriptor(int number) {
        this.number = number;
    }

    /**
     * Takes ownership of an open descriptor.
     *
     * @param number as a system call returned it
     */
    public static Descriptor adopt(int number) {
        if (number < 0) {
            throw new IllegalArgumentException("no descriptor: number=" + number);
        }
        return new Descriptor(number);
    }

    /**
     * The number, for a call that is made at once; it is still this object's.
     *
     * @throws IllegalStateException once closed
     */
    public int number() {
        int open = (int) NUMBER.getAcquire(this);
        if (open == CLOSED) {
            throw new IllegalStateException("the descriptor is closed");
        }
        return open;
    }

    /**
     * A second descriptor of the same open file, close-on-exec, owned by the caller.
     *
     * @throws NativeException EMFILE when the process has no more descriptors to give
     */
    public Descriptor duplicate() {
        int open = number();
        int copy = ControlCalls.fcntl(open, F_DUPFD_CLOEXEC, 0);
        return new Descriptor(
                Failures.check(copy, "fcntl(F_DUPFD_CLOEXEC)", Failures.descriptor(open)));
    }

    /**
     * Has calls on the open file return where they would wait: for all who share it.
     *
     * @throws NativeException if it cannot be told
     */
    public void setNonBlocking() {
        int open = number();
        int answer = Descriptors.setNonBlocking(open);
        Failures.check(answer, "fcntl(F_SETFL)", Failures.descriptor(open));
    }

    /** Whether {@link #close()} was called. */
    public boolean isClosed() {
        return (int) NUMBER.getAcquire(this) == CLOSED;
    }

    /**
     * How many descriptors this process has open, by {@code /proc/self/fd}: for tests that prove
     * that nothing leaks. Leaves out what the virtual machine opens as it pleases, which is
     * archives, libraries and random devices.
     */
    public static int openCount() {
        try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
            return (int) open.filter(Descriptor::isOfProgram).count();
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    private static boolean isOfProgram(Path link) {
        try {
            String target = Files.readSymbolicLink(link).toString();
            return !target.endsWith(".jar")
                    && !target.endsWith(".so")
                    && !target.endsWith("/lib/modules")
                    && !target.endsWith("random");
        } catch (IOException closedMeanwhile) {
            return false;
        }
    }

    /** Closes the descriptor; again does nothing. */
    @Override
    public void close() {
        int open = (int) NUMBER.getAndSet(this, CLOSED);
        if (open != CLOSED) {
            // Linux releases the number whatever close answers: nothing to mend, nothing to retry.
            ControlCalls.close(open);
        }
    }

    @Override
    public String toString() {
        int open = (int) NUMBER.getAcquire(this);
        return open == CLOSED ? "Descriptor[closed]" : "Descriptor[" + open + "]";
    }
}
