package dev.outboard.uio.nativecall;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Reading and writing files at a position, bound by Panama. Any thread. */
public final class FileCalls {
    /** {@code FALLOC_FL_KEEP_SIZE}. */
    public static final int KEEP_SIZE = 1;

    /** {@code FALLOC_FL_PUNCH_HOLE}; goes with KEEP_SIZE. */
    public static final int PUNCH_HOLE = 2;

    /** {@code FALLOC_FL_ZERO_RANGE}. */
    public static final int ZERO_RANGE = 16;

    private static final MethodHandle PREAD =
            DataCalls.bind("pread", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle PWRITE =
            DataCalls.bind("pwrite", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle PREADV =
            DataCalls.bind("preadv", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT, JAVA_LONG);
    private static final MethodHandle PWRITEV =
            DataCalls.bind("pwritev", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT, JAVA_LONG);
    private static final MethodHandle FDATASYNC = DataCalls.bind("fdatasync", JAVA_INT, JAVA_INT);
    private static final MethodHandle FALLOCATE =
            DataCalls.bind("fallocate", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG);

    private FileCalls() {}

    // CHECKSTYLE:OFF: invokeExact declares Throwable.

    /** Reads into the whole segment; bytes read, 0 at the end, or the negated error. */
    public static long read(int descriptor, MemorySegment into, long position) {
        CallScratch scratch = CallScratch.ofThisThread();
        try {
            return scratch.answer(
                    (long)
                            PREAD.invokeExact(
                                    scratch.capture, descriptor, into, into.byteSize(), position));
        } catch (Throwable thrown) {
            throw DataCalls.unexpected(thrown);
        }
    }

    /** Writes the whole segment; bytes written, or the negated error. */
    public static long write(int descriptor, MemorySegment from, long position) {
        CallScratch scratch = CallScratch.ofThisThread();
        try {
            return scratch.answer(
                    (long)
                            PWRITE.invokeExact(
                                    scratch.capture, descriptor, from, from.byteSize(), position));
        } catch (Throwable thrown) {
            throw DataCalls.unexpected(thrown);
        }
    }

    /** Reads into {@code count} pieces of a vector; bytes read, or the negated error. */
    public static long readVector(int descriptor, MemorySegment vector, int count, long position) {
        CallScratch scratch = CallScratch.ofThisThread();
        try {
            return scratch.answer(
                    (long)
                            PREADV.invokeExact(
                                    scratch.capture, descriptor, vector, count, position));
        } catch (Throwable thrown) {
            throw DataCalls.unexpected(thrown);
        }
    }

    /** Writes {@code count} pieces of a vector; bytes written, or the negated error. */
    public static long writeVector(int descriptor, MemorySegment vector, int count, long position) {
        CallScratch scratch = CallScratch.ofThisThread();
        try {
            return scratch.answer(
                    (long)
                            PWRITEV.invokeExact(
                                    scratch.capture, descriptor, vector, count, position));
        } catch (Throwable thrown) {
            throw DataCalls.unexpected(thrown);
        }
    }

    /** Waits until what was written is on the medium. */
    public static int dataSync(int descriptor) {
        CallScratch scratch = CallScratch.ofThisThread();
        try {
            int result = (int) FDATASYNC.invokeExact(scratch.capture, descriptor);
            return (int) scratch.answer(result);
        } catch (Throwable thrown) {
            throw DataCalls.unexpected(thrown);
        }
    }

    /** Changes what backs a range of a file. */
    public static int allocate(int descriptor, int mode, long position, long lengthBytes) {
        CallScratch scratch = CallScratch.ofThisThread();
        try {
            int result =
                    (int)
                            FALLOCATE.invokeExact(
                                    scratch.capture, descriptor, mode, position, lengthBytes);
            return (int) scratch.answer(result);
        } catch (Throwable thrown) {
            throw DataCalls.unexpected(thrown);
        }
    }
}
