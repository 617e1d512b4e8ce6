package dev.outboard.uio.nativecall;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * Reading and writing what has no position, a frame a call, bound by Panama. Any thread; allocates
 * nothing once compiled.
 */
public final class StreamCalls {
    private static final MethodHandle READV =
            DataCalls.bind("readv", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT);
    private static final MethodHandle WRITEV =
            DataCalls.bind("writev", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT);

    private static final MethodHandle SENDTO =
            DataCalls.bind(
                    "sendto", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT);

    /** {@code MSG_DONTWAIT}. */
    private static final int DO_NOT_WAIT = 0x40;

    private StreamCalls() {}

    // CHECKSTYLE:OFF: invokeExact declares Throwable.

    /** Reads into {@code count} pieces of a vector; bytes read, or the negated error. */
    public static long readVector(int descriptor, MemorySegment vector, int count) {
        CallScratch scratch = CallScratch.ofThisThread();
        try {
            return scratch.answer(
                    (long) READV.invokeExact(scratch.capture, descriptor, vector, count));
        } catch (Throwable thrown) {
            throw DataCalls.unexpected(thrown);
        }
    }

    /** Writes {@code count} pieces of a vector; bytes written, or the negated error. */
    public static long writeVector(int descriptor, MemorySegment vector, int count) {
        CallScratch scratch = CallScratch.ofThisThread();
        try {
            return scratch.answer(
                    (long) WRITEV.invokeExact(scratch.capture, descriptor, vector, count));
        } catch (Throwable thrown) {
            throw DataCalls.unexpected(thrown);
        }
    }

    /** Sends nothing, which has the kernel look at what a socket's rings hold; 0, or the error. */
    public static int kick(int descriptor) {
        CallScratch scratch = CallScratch.ofThisThread();
        try {
            long sent =
                    (long)
                            SENDTO.invokeExact(
                                    scratch.capture,
                                    descriptor,
                                    MemorySegment.NULL,
                                    0L,
                                    DO_NOT_WAIT,
                                    MemorySegment.NULL,
                                    0);
            return (int) scratch.answer(sent);
        } catch (Throwable thrown) {
            throw DataCalls.unexpected(thrown);
        }
    }
}
