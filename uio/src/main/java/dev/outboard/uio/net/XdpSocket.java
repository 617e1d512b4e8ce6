package dev.outboard.uio.net;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.DeviceNode;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.Resources;
import dev.outboard.uio.Sockets;
import dev.outboard.uio.nativecall.ControlCalls;
import dev.outboard.uio.nativecall.ErrorNames;
import dev.outboard.uio.nativecall.StreamCalls;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * One queue of an interface by AF_XDP: frames in chunks of memory that is shared with the kernel,
 * and four rings that say which.
 *
 * <pre>
 *   fill ──► chunks ──► the interface receives ──► nextReceived, receivedOffset
 *   send ──► chunks ──► the interface sends ─────► completed
 * </pre>
 *
 * <p>Owned by the thread that uses the queue, which closes it; what it has of the memory is given
 * back by that. But for opening, nothing allocates. What the kernel names is checked to be inside
 * the memory.
 */
public final class XdpSocket implements AutoCloseable {
    /** The least that a chunk of memory is long, and the most: a page. */
    public static final int CHUNK_BYTES = 4096;

    /** What the kernel keeps free before a received frame. */
    public static final int FRONT_BYTES = 256;

    private final String name;
    private final MemorySegment memory;
    private final DeviceNode node;
    private final boolean isZeroCopy;
    private final Resources resources;
    private XdpRing receive;
    private XdpRing send;
    private XdpRing fill;
    private XdpRing completion;
    private long receivedOffset;
    private int receivedBytes;

    private XdpSocket(Opening opening, Resources resources) {
        this.resources = resources;
        name = opening.link.name() + " queue " + opening.queue;
        memory = opening.memory;
        node = resources.add(DeviceNode.adopt("AF_XDP " + name, Sockets.xdp()));
        register();
        ring(XdpDescriptor.OPTION_FILL_RING, opening.entries);
        ring(XdpDescriptor.OPTION_COMPLETION_RING, opening.entries);
        ring(XdpDescriptor.OPTION_RECEIVE_RING, opening.entries);
        ring(XdpDescriptor.OPTION_SEND_RING, opening.entries);
        map(opening.entries);
        bind(opening);
        isZeroCopy =
                (option(XdpDescriptor.OPTION_OPTIONS, Integer.BYTES).getInt(0)
                                & XdpDescriptor.IS_ZERO_COPY)
                        != 0;
    }

    /** How frames pass between the interface and the memory. */
    public enum Copy {
        /** Without a copy where the interface can. */
        AUTO,
        /** By a copy of the kernel's. */
        COPY,
        /** Without. */
        ZERO_COPY
    }

    /**
     * What a socket is opened with.
     *
     * @param link the interface
     * @param queue which queue of it
     * @param memory shared memory that stays as long as the socket; whole chunks, page-aligned
     * @param entries of each ring; a power of two
     * @param copy how frames pass
     */
    public record Opening(
            KernelInterface link, int queue, MemorySegment memory, int entries, Copy copy) {}

    /**
     * Opens one. It receives when a program sends frames to it ({@link XdpProgram}).
     *
     * @throws NativeException EPERM, EBUSY where the queue is another's, EOPNOTSUPP where the
     *     interface cannot, EINVAL where there is no such queue
     */
    public static XdpSocket open(Opening opening) {
        Resources resources = new Resources();
        try {
            return new XdpSocket(opening, resources);
        } catch (RuntimeException failed) {
            resources.closeAfter(failed);
            throw failed;
        }
    }

    private void register() {
        ByteBuffer region = buffer(XdpDescriptor.MEMORY_BYTES);
        region.putLong(memory.address()).putLong(memory.byteSize()).putInt(CHUNK_BYTES).putInt(0);
        set(XdpDescriptor.OPTION_MEMORY, region);
    }

    private void ring(int option, int entries) {
        set(option, buffer(Integer.BYTES).putInt(0, entries));
    }

    private void set(int option, ByteBuffer value) {
        int answer =
                ControlCalls.setSocketOption(
                        node.descriptor().number(), XdpDescriptor.LEVEL, option, value.array());
        check(answer, "setsockopt", "option=" + option);
    }

    private ByteBuffer option(int option, int lengthBytes) {
        ByteBuffer value = buffer(lengthBytes);
        int answer =
                ControlCalls.getSocketOption(
                        node.descriptor().number(), XdpDescriptor.LEVEL, option, value.array());
        check(answer, "getsockopt", "option=" + option);
        return value;
    }

    private static ByteBuffer buffer(int lengthBytes) {
        return ByteBuffer.allocate(lengthBytes).order(ByteOrder.nativeOrder());
    }

    private void check(int answer, String call, String operands) {
        if (answer < 0) {
            throw DeviceNode.failure(call, answer, name + ", " + operands);
        }
    }

    private void map(int entries) {
        MemorySegment offsets =
                MemorySegment.ofBuffer(
                        ByteBuffer.allocateDirect(XdpDescriptor.OFFSETS_BYTES)
                                .put(
                                        option(
                                                        XdpDescriptor.OPTION_OFFSETS,
                                                        XdpDescriptor.OFFSETS_BYTES)
                                                .array())
                                .rewind());
        receive = frames(offsets, 0, XdpDescriptor.RECEIVE_PAGES, entries, false);
        send = frames(offsets, 1, XdpDescriptor.SEND_PAGES, entries, true);
        fill = chunks(offsets, 2, XdpDescriptor.FILL_PAGES, entries, true);
        completion = chunks(offsets, 3, XdpDescriptor.COMPLETION_PAGES, entries, false);
    }

    private XdpRing frames(
            MemorySegment all, int index, long pages, int entries, boolean isProducer) {
        return ring(all, index, pages, XdpDescriptor.FRAME_ENTRY_BYTES, entries, isProducer);
    }

    private XdpRing chunks(
            MemorySegment all, int index, long pages, int entries, boolean isProducer) {
        return ring(all, index, pages, XdpDescriptor.CHUNK_ENTRY_BYTES, entries, isProducer);
    }

    private XdpRing ring(
            MemorySegment all,
            int index,
            long pages,
            int entryBytes,
            int entries,
            boolean isProducer) {
        MemorySegment offsets =
                all.asSlice(
                        (long) index * XdpDescriptor.RING_OFFSETS_BYTES,
                        XdpDescriptor.RING_OFFSETS_BYTES);
        var mapping = node.map(pages, XdpRing.lengthBytes(offsets, entryBytes, entries), true);
        XdpRing ring = new XdpRing(mapping, offsets, entryBytes, entries, isProducer);
        resources.add(ring::close);
        return ring;
    }

    private void bind(Opening opening) {
        int flags =
                XdpDescriptor.BIND_NEED_WAKEUP
                        | switch (opening.copy) {
                            case AUTO -> 0;
                            case COPY -> XdpDescriptor.BIND_COPY;
                            case ZERO_COPY -> XdpDescriptor.BIND_ZERO_COPY;
                        };
        ByteBuffer address = buffer(XdpDescriptor.ADDRESS_BYTES);
        address.putShort((short) XdpDescriptor.FAMILY)
                .putShort((short) flags)
                .putInt(opening.link.index())
                .putInt(opening.queue);
        int answer = ControlCalls.bind(node.descriptor().number(), address.array());
        if (answer < 0) {
            throw DeviceNode.failure("bind", answer, name + ": " + remedy(-answer, opening));
        }
    }

    private static String remedy(int errno, Opening opening) {
        if (errno == ErrorNames.EOPNOTSUPP) {
            return opening.copy == Copy.ZERO_COPY
                    ? "this interface cannot do without a copy: leave zerocopy out"
                    : "this interface cannot do AF_XDP";
        }
        if (errno == ErrorNames.EINVAL) {
            return "there is no such queue, or a copy was asked for where there is a socket without"
                    + " one";
        }
        if (errno == ErrorNames.EBUSY) {
            return "another program has this queue: take another, or end it";
        }
        return "the kernel does not say why";
    }

    /** Whether frames pass without a copy. */
    public boolean isZeroCopy() {
        return isZeroCopy;
    }

    /** Readable when a frame was received. */
    public Descriptor descriptor() {
        return node.descriptor();
    }

    DeviceNode node() {
        return node;
    }

    /**
     * Gives the kernel a chunk to receive into, with the next {@link #flushFill}; false if full.
     */
    public boolean fill(long offset) {
        if (fill.room() == 0) {
            return false;
        }
        fill.memory().set(ValueLayout.JAVA_LONG, fill.next(), offset);
        return true;
    }

    /** Shows the kernel what was filled. */
    public void flushFill() {
        if (fill.publish() && fill.needsWakeup()) {
            StreamCalls.kick(node.descriptor().number());
        }
    }

    /** Takes the next received frame, if there is one. */
    public boolean nextReceived() {
        if (receive.waiting() == 0) {
            return false;
        }
        long at = receive.next();
        receivedOffset = receive.memory().get(ValueLayout.JAVA_LONG, at);
        receivedBytes =
                receive.memory().get(ValueLayout.JAVA_INT, at + XdpDescriptor.FRAME_LENGTH_OFFSET);
        java.util.Objects.checkFromIndexSize(receivedOffset, receivedBytes, memory.byteSize());
        return true;
    }

    /** Where in the memory the frame is that was taken last. */
    public long receivedOffset() {
        return receivedOffset;
    }

    /** How long it is. */
    public int receivedBytes() {
        return receivedBytes;
    }

    /** The entries that were taken may be used again. */
    public void flushReceived() {
        receive.publish();
    }

    /** Has a frame sent, with the next {@link #flushSend}; false if the ring is full. */
    public boolean send(long offset, int lengthBytes) {
        if (send.room() == 0) {
            return false;
        }
        long at = send.next();
        send.memory().set(ValueLayout.JAVA_LONG, at, offset);
        send.memory()
                .set(ValueLayout.JAVA_INT, at + XdpDescriptor.FRAME_LENGTH_OFFSET, lengthBytes);
        send.memory()
                .set(
                        ValueLayout.JAVA_INT,
                        at + XdpDescriptor.FRAME_LENGTH_OFFSET + Integer.BYTES,
                        0);
        return true;
    }

    /**
     * Has the kernel send what is to be sent. Where it copies, it does so in this call.
     *
     * @return false if some of it waits for completions to be taken: take them, and call again
     * @throws InterfaceGoneException if the interface was deleted, or is down
     */
    public boolean flushSend() {
        send.publish();
        while (send.outstanding() > 0 && send.needsWakeup()) {
            int answer = StreamCalls.kick(node.descriptor().number());
            if (answer == 0 || answer == -ErrorNames.EINTR) {
                if (answer == 0 && isZeroCopy) {
                    return true;
                }
                continue;
            }
            // EAGAIN: so many a call, and there are more. Others pass: no room, the peer is busy.
            if (answer != -ErrorNames.EAGAIN) {
                return false;
            }
        }
        return true;
    }

    /** A chunk whose frame was sent, by its offset; -1 if there is none. */
    public long completed() {
        if (completion.waiting() == 0) {
            return -1;
        }
        long offset = completion.memory().get(ValueLayout.JAVA_LONG, completion.next());
        java.util.Objects.checkIndex(offset, memory.byteSize());
        return offset;
    }

    /** The entries that were taken may be used again. */
    public void flushCompleted() {
        completion.publish();
    }

    /** Frames that the kernel has dropped for want of room or chunks; a system call. */
    public long dropped() {
        ByteBuffer counts = option(XdpDescriptor.OPTION_STATISTICS, XdpDescriptor.STATISTICS_BYTES);
        // Dropped, then invalid, invalid, and what found the receive ring full.
        return counts.getLong(0) + counts.getLong(3 * Long.BYTES);
    }

    @Override
    public void close() {
        resources.close();
    }
}
