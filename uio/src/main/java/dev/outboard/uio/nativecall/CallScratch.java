package dev.outboard.uio.nativecall;

import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;

/**
 * The native memory that one thread needs to make a call without allocating: where the error number
 * is captured, and the small structures that calls take. Taken at a thread's first call and given
 * back when the thread is gone and the collector has seen it.
 */
final class CallScratch {
    private static final ThreadLocal<CallScratch> LOCAL = ThreadLocal.withInitial(CallScratch::new);
    private static final StructLayout CAPTURE = Linker.Option.captureStateLayout();
    private static final long ERRNO_OFFSET =
            CAPTURE.byteOffset(MemoryLayout.PathElement.groupElement("errno"));

    /** For the {@code errno} of a call. */
    final MemorySegment capture;

    /** Eight bytes: the value of an eventfd. */
    final MemorySegment word;

    /** {@code struct iovec} of {@link #word}; never changed. */
    final MemorySegment wordVector;

    /** {@code struct pollfd}: descriptor (4), events (2), returned events (2). */
    final MemorySegment poll;

    /** {@code struct timespec}: seconds (8), nanoseconds (8). */
    final MemorySegment time;

    /** {@code struct msghdr}. */
    final MemorySegment header;

    /** {@code struct iovec}. */
    final MemorySegment vector;

    /** {@code struct cmsghdr} and room for descriptors. */
    final MemorySegment control;

    private CallScratch() {
        Arena arena = Arena.ofAuto();
        capture = arena.allocate(CAPTURE);
        word = arena.allocate(ValueLayout.JAVA_LONG);
        wordVector = arena.allocate(MessageDescriptor.IOVEC_BYTES, 8);
        wordVector.set(ValueLayout.JAVA_LONG, 0, word.address());
        wordVector.set(ValueLayout.JAVA_LONG, MessageDescriptor.IOVEC_LENGTH_OFFSET, Long.BYTES);
        poll = arena.allocate(8, 8);
        time = arena.allocate(16, 8);
        header = arena.allocate(MessageDescriptor.HEADER_BYTES, 8);
        vector = arena.allocate(MessageDescriptor.IOVEC_BYTES, 8);
        control = arena.allocate(MessageDescriptor.CONTROL_BYTES, 8);
    }

    static CallScratch ofThisThread() {
        return LOCAL.get();
    }

    /** The error number of the last call that was given {@link #capture}. */
    int errno() {
        return capture.get(ValueLayout.JAVA_INT, ERRNO_OFFSET);
    }

    /** The answer of a call, or its negated error number. */
    long answer(long result) {
        return result < 0 ? -errno() : result;
    }

    /** Writes a time for a call; {@link MemorySegment#NULL}, for ever, when it is negative. */
    MemorySegment time(long timeoutNanos) {
        if (timeoutNanos < 0) {
            return MemorySegment.NULL;
        }
        time.set(ValueLayout.JAVA_LONG, 0, timeoutNanos / 1_000_000_000L);
        time.set(ValueLayout.JAVA_LONG, 8, timeoutNanos % 1_000_000_000L);
        return time;
    }
}
