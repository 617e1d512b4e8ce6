package dev.outboard.uio.nativecall;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.outboard.uio.failure.FailurePoint;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * System calls of the data path, and memory mapping, bound by Panama. Any thread; once compiled
 * they allocate nothing, since what a call needs is in its thread's {@link CallScratch}.
 *
 * <p>None of them is {@code critical}: each may block, and a critical call would hold up the
 * collector. All of them capture {@code errno}.
 */
public final class DataCalls {
    /** {@code POLLIN}. */
    public static final int POLLIN = 0x1;

    /** {@code POLLERR}. */
    public static final int POLLERR = 0x8;

    /** {@code POLLHUP}. */
    public static final int POLLHUP = 0x10;

    /** {@code POLLRDHUP}: the peer will write no more. */
    public static final int POLLRDHUP = 0x2000;

    private static final int ENOMEM = 12;
    private static final int RWF_NOWAIT = 0x8;
    private static final int MAP_SHARED = 0x1;
    private static final int MAP_PRIVATE = 0x2;
    private static final int MAP_FIXED = 0x10;
    private static final int MAP_ANONYMOUS = 0x20;
    private static final int MAP_NORESERVE = 0x4000;
    private static final int MADV_HUGEPAGE = 14;
    private static final int PROT_NONE = 0;
    private static final int PROT_READ = 1;
    private static final int PROT_WRITE = 2;

    private static final MethodHandle PREADV2 =
            bind("preadv2", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT, JAVA_LONG, JAVA_INT);
    private static final MethodHandle WRITE =
            bind("write", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG);
    private static final MethodHandle PPOLL =
            bind("ppoll", JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS);
    private static final MethodHandle EPOLL_WAIT =
            bind("epoll_pwait2", JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, ADDRESS, ADDRESS);
    private static final MethodHandle MMAP =
            bind("mmap", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG);
    private static final MethodHandle MADVISE =
            bind("madvise", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT);
    private static final MethodHandle MUNMAP = bind("munmap", JAVA_INT, JAVA_LONG, JAVA_LONG);

    private DataCalls() {}

    static MethodHandle bind(String name, MemoryLayout result, MemoryLayout... parameters) {
        return bind(
                name,
                FunctionDescriptor.of(result, parameters),
                Linker.Option.captureCallState("errno"));
    }

    // SAFETY: the symbol is the C library's, which is never unloaded, and each descriptor beside it
    // is the prototype of its manual page; lengths are checked by the callers in this package.
    @SuppressWarnings("restricted")
    static MethodHandle bind(String name, FunctionDescriptor prototype, Linker.Option... options) {
        Linker linker = Linker.nativeLinker();
        MemorySegment symbol =
                linker.defaultLookup()
                        .find(name)
                        .orElseThrow(
                                () ->
                                        new UnsatisfiedLinkError(
                                                name
                                                        + " is not in the C library: glibc 2.35 or"
                                                        + " later is needed"));
        return linker.downcallHandle(symbol, prototype, options);
    }

    /** What {@code invokeExact} declares and a system call never throws. */
    static RuntimeException unexpected(Throwable thrown) {
        if (thrown instanceof RuntimeException runtime) {
            return runtime;
        }
        if (thrown instanceof Error error) {
            throw error;
        }
        return new IllegalStateException(thrown);
    }

    // CHECKSTYLE:OFF: invokeExact declares Throwable.

    /** Adds {@code value} to an eventfd. */
    public static int eventWrite(int descriptor, long value) {
        CallScratch scratch = CallScratch.ofThisThread();
        scratch.word.set(JAVA_LONG, 0, value);
        try {
            long written = (long) WRITE.invokeExact(scratch.capture, descriptor, scratch.word, 8L);
            return (int) scratch.answer(written);
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    /**
     * Takes the value of an eventfd, and never waits for one: who shares the eventfd can take
     * {@code O_NONBLOCK} away at any time, and RWF_NOWAIT does not ask for it.
     *
     * @return 8 when there was a value, to be had from {@link #eventValue()}; or the negated error
     */
    public static int eventRead(int descriptor) {
        CallScratch scratch = CallScratch.ofThisThread();
        try {
            long read =
                    (long)
                            PREADV2.invokeExact(
                                    scratch.capture,
                                    descriptor,
                                    scratch.wordVector,
                                    1,
                                    -1L,
                                    RWF_NOWAIT);
            return (int) scratch.answer(read);
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    /** The value that this thread's last successful {@link #eventRead} took. */
    public static long eventValue() {
        return CallScratch.ofThisThread().word.get(JAVA_LONG, 0);
    }

    /**
     * Waits for events of one descriptor.
     *
     * @param events POLLIN and the like; errors and hang-ups are always told
     * @param timeoutNanos less than zero for ever
     * @return the events that are there, 0 when the time is over, or the negated error
     */
    public static int poll(int descriptor, int events, long timeoutNanos) {
        CallScratch scratch = CallScratch.ofThisThread();
        scratch.poll.set(JAVA_INT, 0, descriptor);
        scratch.poll.set(JAVA_SHORT, 4, (short) events);
        scratch.poll.set(JAVA_SHORT, 6, (short) 0);
        MemorySegment time = scratch.time(timeoutNanos);
        try {
            int ready =
                    (int)
                            PPOLL.invokeExact(
                                    scratch.capture, scratch.poll, 1L, time, MemorySegment.NULL);
            if (ready < 0) {
                return -scratch.errno();
            }
            return ready == 0 ? 0 : scratch.poll.get(JAVA_SHORT, 6) & 0xffff;
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    /**
     * Waits for events.
     *
     * @param events room for them, laid out by {@link EpollEventDescriptor}
     * @param timeoutNanos less than zero for ever
     * @return how many, or the negated error
     */
    public static int epollWait(int epoll, MemorySegment events, int maxEvents, long timeoutNanos) {
        CallScratch scratch = CallScratch.ofThisThread();
        MemorySegment time = scratch.time(timeoutNanos);
        try {
            int ready =
                    (int)
                            EPOLL_WAIT.invokeExact(
                                    scratch.capture,
                                    epoll,
                                    events,
                                    maxEvents,
                                    time,
                                    MemorySegment.NULL);
            return (int) scratch.answer(ready);
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    /** Maps a part of a file, shared; the address, or the negated error. */
    public static long map(int descriptor, long offsetBytes, long lengthBytes, boolean writable) {
        return mmap(0, lengthBytes, protection(writable), MAP_SHARED, descriptor, offsetBytes);
    }

    /**
     * The same in place of whatever is mapped there.
     *
     * @param address of this process's own mapping, which is long enough
     */
    public static long mapOver(
            long address, int descriptor, long offsetBytes, long lengthBytes, boolean writable) {
        return mmap(
                address,
                lengthBytes,
                protection(writable),
                MAP_SHARED | MAP_FIXED,
                descriptor,
                offsetBytes);
    }

    /** Address space with nothing behind it, to map over; or the negated error. */
    public static long reserve(long lengthBytes) {
        return mmap(0, lengthBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    }

    private static int protection(boolean writable) {
        return writable ? PROT_READ | PROT_WRITE : PROT_READ;
    }

    private static long mmap(
            long at,
            long lengthBytes,
            int protection,
            int flags,
            int descriptor,
            long offsetBytes) {
        if (FailurePoint.fails("mmap")) {
            return -ENOMEM;
        }
        CallScratch scratch = CallScratch.ofThisThread();
        try {
            long address =
                    (long)
                            MMAP.invokeExact(
                                    scratch.capture,
                                    at,
                                    lengthBytes,
                                    protection,
                                    flags,
                                    descriptor,
                                    offsetBytes);
            // Addresses of a process are below 2^63: only MAP_FAILED is negative.
            return scratch.answer(address);
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    /** Asks for huge pages behind a mapping; 0, or the negated error. */
    public static int adviseHugePages(long address, long lengthBytes) {
        CallScratch scratch = CallScratch.ofThisThread();
        try {
            int result =
                    (int) MADVISE.invokeExact(scratch.capture, address, lengthBytes, MADV_HUGEPAGE);
            return (int) scratch.answer(result);
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    /** Undoes {@link #map}. */
    public static int unmap(long address, long lengthBytes) {
        CallScratch scratch = CallScratch.ofThisThread();
        try {
            int result = (int) MUNMAP.invokeExact(scratch.capture, address, lengthBytes);
            return (int) scratch.answer(result);
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }
}
