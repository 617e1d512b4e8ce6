package dev.outboard.uio.nativecall;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.outboard.uio.failure.FailurePoint;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.ref.Reference;
import java.util.Objects;

/** Messages with descriptors on a Unix-domain socket, bound by Panama. Any thread. */
public final class SocketCalls {
    private static final MethodHandle SENDMSG =
            DataCalls.bind("sendmsg", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT);
    private static final MethodHandle RECVMSG =
            DataCalls.bind("recvmsg", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT);

    private static final int ENOMEM = 12;

    private SocketCalls() {}

    /** The caller keeps the memory open until the call is back; it holds only the address. */
    private static void prepare(
            CallScratch scratch, MemorySegment bytes, long offset, long length) {
        Objects.checkFromIndexSize(offset, length, bytes.byteSize());
        if (!bytes.isNative()) {
            throw new IllegalArgumentException("a message must be in native memory: " + bytes);
        }
        scratch.vector.set(JAVA_LONG, 0, bytes.address() + offset);
        scratch.vector.set(JAVA_LONG, MessageDescriptor.IOVEC_LENGTH_OFFSET, length);
        scratch.header.fill((byte) 0);
        scratch.header.set(JAVA_LONG, MessageDescriptor.IOV_OFFSET, scratch.vector.address());
        scratch.header.set(JAVA_LONG, MessageDescriptor.IOV_COUNT_OFFSET, 1L);
    }

    private static void control(CallScratch scratch, long lengthBytes) {
        scratch.header.set(JAVA_LONG, MessageDescriptor.CONTROL_OFFSET, scratch.control.address());
        scratch.header.set(JAVA_LONG, MessageDescriptor.CONTROL_LENGTH_OFFSET, lengthBytes);
    }

    // CHECKSTYLE:OFF: invokeExact declares Throwable.

    /**
     * Sends bytes, with descriptors.
     *
     * @param passed the descriptors, of which the first {@code count} are sent
     * @param flags MSG_NOSIGNAL is always added
     * @return bytes sent, or the negated error
     */
    public static long send(
            int descriptor,
            MemorySegment bytes,
            long offset,
            long length,
            int[] passed,
            int count,
            int flags) {
        if (FailurePoint.fails("sendmsg")) {
            return -ENOMEM;
        }
        CallScratch scratch = CallScratch.ofThisThread();
        prepare(scratch, bytes, offset, length);
        if (count > 0) {
            Objects.checkFromToIndex(0, count, MessageDescriptor.MAX_DESCRIPTORS);
            long used = MessageDescriptor.CONTROL_DATA_OFFSET + (long) count * Integer.BYTES;
            scratch.control.set(JAVA_LONG, 0, used);
            scratch.control.set(
                    JAVA_INT, MessageDescriptor.CONTROL_LEVEL_OFFSET, MessageDescriptor.SOL_SOCKET);
            scratch.control.set(
                    JAVA_INT, MessageDescriptor.CONTROL_TYPE_OFFSET, MessageDescriptor.SCM_RIGHTS);
            for (int i = 0; i < count; i++) {
                long at = MessageDescriptor.CONTROL_DATA_OFFSET + (long) i * Integer.BYTES;
                scratch.control.set(JAVA_INT, at, passed[i]);
            }
            control(scratch, (used + 7) & ~7L);
        }
        try {
            int all = flags | MessageDescriptor.MSG_NOSIGNAL;
            long sent =
                    (long) SENDMSG.invokeExact(scratch.capture, descriptor, scratch.header, all);
            return scratch.answer(sent);
        } catch (Throwable thrown) {
            throw DataCalls.unexpected(thrown);
        } finally {
            Reference.reachabilityFence(bytes);
        }
    }

    /**
     * Receives bytes, with descriptors: afterwards {@link #receivedFlags()}, {@link
     * #receivedCount()} and {@link #received(int)} tell of this thread's last receive.
     *
     * @param flags MSG_CMSG_CLOEXEC is always added
     * @return bytes received, or the negated error
     */
    public static long receive(
            int descriptor, MemorySegment into, long offset, long length, int flags) {
        CallScratch scratch = CallScratch.ofThisThread();
        prepare(scratch, into, offset, length);
        control(scratch, MessageDescriptor.CONTROL_BYTES);
        try {
            int all = flags | MessageDescriptor.MSG_CMSG_CLOEXEC;
            long got = (long) RECVMSG.invokeExact(scratch.capture, descriptor, scratch.header, all);
            if (got < 0) {
                // The kernel leaves the header alone on failure: no descriptors then.
                scratch.header.set(JAVA_LONG, MessageDescriptor.CONTROL_LENGTH_OFFSET, 0L);
            }
            return scratch.answer(got);
        } catch (Throwable thrown) {
            throw DataCalls.unexpected(thrown);
        } finally {
            Reference.reachabilityFence(into);
        }
    }

    /** MSG_CTRUNC, MSG_TRUNC of this thread's last receive. */
    public static int receivedFlags() {
        return CallScratch.ofThisThread().header.get(JAVA_INT, MessageDescriptor.FLAGS_OFFSET);
    }

    /** How many descriptors came with this thread's last receive. */
    public static int receivedCount() {
        CallScratch scratch = CallScratch.ofThisThread();
        long space = scratch.header.get(JAVA_LONG, MessageDescriptor.CONTROL_LENGTH_OFFSET);
        if (space < MessageDescriptor.CONTROL_DATA_OFFSET
                || scratch.control.get(JAVA_INT, MessageDescriptor.CONTROL_LEVEL_OFFSET)
                        != MessageDescriptor.SOL_SOCKET
                || scratch.control.get(JAVA_INT, MessageDescriptor.CONTROL_TYPE_OFFSET)
                        != MessageDescriptor.SCM_RIGHTS) {
            return 0;
        }
        long used = scratch.control.get(JAVA_LONG, 0) - MessageDescriptor.CONTROL_DATA_OFFSET;
        return (int) (used / Integer.BYTES);
    }

    /** A descriptor of this thread's last receive, which nobody owns yet. */
    public static int received(int index) {
        Objects.checkIndex(index, receivedCount());
        long at = MessageDescriptor.CONTROL_DATA_OFFSET + (long) index * Integer.BYTES;
        return CallScratch.ofThisThread().control.get(JAVA_INT, at);
    }
}
