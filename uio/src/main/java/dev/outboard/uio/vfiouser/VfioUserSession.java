package dev.outboard.uio.vfiouser;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.PeerTimeoutException;
import dev.outboard.uio.UnixSocket;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * One client of a function: the server's side of vfio-user. One thread; owns the socket, what the
 * client has mapped, and its events.
 *
 * <p>A request that cannot be is answered with an error number, and changes nothing; what is no
 * message ends the session.
 */
public final class VfioUserSession implements AutoCloseable {
    static final int EINVAL = 22;

    private static final int ENOENT = 2;
    private static final int EOPNOTSUPP = 95;
    private static final int MESSAGES_AT_ONCE = 64;
    private static final int MOST_WAITING = 64;
    private static final int WIDEST_BYTES = Long.BYTES;

    private final Wire wire;
    private final VfioUserDevice device;
    private final long timeoutNanos;
    private final ClientMemory memory = new ClientMemory();
    private final EventDescriptor[][] events = new EventDescriptor[VfioUserDescriptor.IRQS][0];

    /** Requests that came while the client was asked something. */
    private final ArrayDeque<Request> waiting = new ArrayDeque<>();

    private boolean isAgreed;
    private int nextId;

    /** A request, copied. */
    private record Request(
            int id, int command, int flags, MemorySegment payload, List<Descriptor> passed) {
        boolean wantsReply() {
            return (flags & VfioUserDescriptor.FLAG_NO_REPLY) == 0;
        }
    }

    /** What answers a request. */
    private record Answer(int length, Wire.Payload payload, Descriptor[] passed) {
        static final Answer NOTHING = new Answer(0, Wire.NONE, new Descriptor[0]);

        static Answer of(int length, Wire.Payload payload) {
            return new Answer(length, payload, new Descriptor[0]);
        }
    }

    /**
     * A session on a connected socket, which it takes over.
     *
     * @param timeoutNanos for what the client is asked, and for it to take what it is sent
     */
    public VfioUserSession(UnixSocket socket, VfioUserDevice device, long timeoutNanos) {
        socket.sendTimeout(timeoutNanos);
        wire = new Wire(socket);
        this.device = device;
        this.timeoutNanos = timeoutNanos;
    }

    /** Readable when {@link #receive} has something to do. */
    public Descriptor descriptor() {
        return wire.socket().descriptor();
    }

    /**
     * Serves what has come, and does not wait for more.
     *
     * @throws PeerGoneException when the client has closed, or died: close this
     * @throws VfioUserException when it broke the protocol: close this
     */
    public void receive() {
        for (int taken = 0; taken < MESSAGES_AT_ONCE; taken++) {
            Request next = waiting.isEmpty() ? take() : waiting.poll();
            if (next == null) {
                return;
            }
            serve(next);
        }
    }

    private Request take() {
        if (!wire.receive()) {
            return null;
        }
        Request request =
                new Request(
                        wire.id(),
                        wire.command(),
                        wire.header(VfioUserDescriptor.FLAGS),
                        MemorySegment.ofArray(wire.payload().toArray(ValueLayout.JAVA_BYTE)),
                        wire.takeDescriptors());
        wire.next();
        return request;
    }

    private void serve(Request request) {
        try {
            if ((request.flags & VfioUserDescriptor.TYPE_MASK) != VfioUserDescriptor.TYPE_COMMAND) {
                throw new VfioUserException("a reply to nothing: id=" + request.id);
            }
            reply(request, answer(request));
        } catch (VfioUserException refused) {
            if (refused.errno() == 0) {
                throw refused;
            }
            refuse(request, refused.errno());
        } catch (IllegalArgumentException | IndexOutOfBoundsException wrong) {
            refuse(request, EINVAL);
        } finally {
            request.passed.forEach(Descriptor::close);
        }
    }

    private void reply(Request request, Answer answer) {
        if (request.wantsReply()) {
            wire.send(
                    request.id,
                    request.command,
                    VfioUserDescriptor.TYPE_REPLY,
                    0,
                    answer.length,
                    answer.payload,
                    answer.passed);
        }
    }

    private void refuse(Request request, int errno) {
        if (request.wantsReply()) {
            int flags = VfioUserDescriptor.TYPE_REPLY | VfioUserDescriptor.FLAG_ERROR;
            wire.send(request.id, request.command, flags, errno, 0, Wire.NONE);
        }
    }

    private Answer answer(Request request) {
        if (!isAgreed && request.command != VfioUserDescriptor.VERSION) {
            throw new VfioUserException(
                    VfioUserDescriptor.name(request.command) + " before VERSION");
        }
        MemorySegment payload = request.payload;
        return switch (request.command) {
            case VfioUserDescriptor.VERSION -> agree(payload);
            case VfioUserDescriptor.DMA_MAP -> map(payload, request.passed);
            case VfioUserDescriptor.DMA_UNMAP -> unmap(payload);
            case VfioUserDescriptor.DEVICE_INFO -> deviceInfo(payload);
            case VfioUserDescriptor.REGION_INFO -> regionInfo(payload);
            case VfioUserDescriptor.IRQ_INFO -> irqInfo(payload);
            case VfioUserDescriptor.SET_IRQS -> setIrqs(payload, request.passed);
            case VfioUserDescriptor.REGION_READ -> read(payload);
            case VfioUserDescriptor.REGION_WRITE -> write(payload);
            case VfioUserDescriptor.RESET -> reset();
            default -> throw new VfioUserException("unknown", EOPNOTSUPP);
        };
    }

    private static MemorySegment need(MemorySegment payload, int length) {
        if (payload.byteSize() < length) {
            throw new VfioUserException("too short", EINVAL);
        }
        return payload;
    }

    private Answer agree(MemorySegment payload) {
        need(payload, VfioUserDescriptor.VERSION_BYTES);
        int major = Short.toUnsignedInt(payload.get(VfioUserDescriptor.U16, 0));
        int minor = Short.toUnsignedInt(payload.get(VfioUserDescriptor.U16, 2));
        if (isAgreed || major != 0) {
            throw new VfioUserException("version " + major + "." + minor + " is not spoken here");
        }
        isAgreed = true;
        byte[] json = Capabilities.ours().getBytes(StandardCharsets.UTF_8);
        return Answer.of(
                VfioUserDescriptor.VERSION_BYTES + json.length + 1,
                into -> {
                    into.set(VfioUserDescriptor.U16, 2, (short) Math.min(1, minor));
                    MemorySegment.copy(
                            json,
                            0,
                            into,
                            ValueLayout.JAVA_BYTE,
                            VfioUserDescriptor.VERSION_BYTES,
                            json.length);
                });
    }

    private Answer map(MemorySegment payload, List<Descriptor> passed) {
        need(payload, VfioUserDescriptor.DMA_MAP_BYTES);
        memory.add(
                payload.get(VfioUserDescriptor.U64, 16),
                payload.get(VfioUserDescriptor.U64, 24),
                payload.get(VfioUserDescriptor.U32, 4),
                passed.isEmpty() ? null : passed.getFirst(),
                payload.get(VfioUserDescriptor.U64, 8));
        return Answer.NOTHING;
    }

    private Answer unmap(MemorySegment payload) {
        need(payload, VfioUserDescriptor.DMA_UNMAP_BYTES);
        if ((payload.get(VfioUserDescriptor.U32, 4) & VfioUserDescriptor.UNMAP_ALL) != 0) {
            memory.clear();
        } else if (!memory.remove(
                payload.get(VfioUserDescriptor.U64, 8), payload.get(VfioUserDescriptor.U64, 16))) {
            throw new VfioUserException("not mapped so", ENOENT);
        }
        return Answer.of(
                VfioUserDescriptor.DMA_UNMAP_BYTES,
                into -> into.copyFrom(payload.asSlice(0, VfioUserDescriptor.DMA_UNMAP_BYTES)));
    }

    private static Answer deviceInfo(MemorySegment payload) {
        need(payload, VfioUserDescriptor.DEVICE_BYTES);
        return Answer.of(
                VfioUserDescriptor.DEVICE_BYTES,
                into -> {
                    into.set(VfioUserDescriptor.U32, 0, VfioUserDescriptor.DEVICE_BYTES);
                    into.set(
                            VfioUserDescriptor.U32,
                            4,
                            VfioUserDescriptor.DEVICE_PCI | VfioUserDescriptor.DEVICE_RESET);
                    into.set(VfioUserDescriptor.U32, 8, VfioUserDescriptor.REGIONS);
                    into.set(VfioUserDescriptor.U32, 12, VfioUserDescriptor.IRQS);
                });
    }

    private static int index(MemorySegment payload, int least, int end) {
        need(payload, least);
        int index = payload.get(VfioUserDescriptor.U32, 8);
        if (index < 0 || index >= end) {
            throw new VfioUserException("there is no number " + index, EINVAL);
        }
        return index;
    }

    private Answer regionInfo(MemorySegment payload) {
        int index = index(payload, VfioUserDescriptor.REGION_BYTES, VfioUserDescriptor.REGIONS);
        long length = device.regionBytes(index);
        VfioUserDevice.Shared shared = length == 0 ? null : device.shared(index);
        List<VfioUserDevice.Area> areas = shared == null ? List.of() : shared.areas();
        int full =
                VfioUserDescriptor.REGION_BYTES
                        + (areas.isEmpty()
                                ? 0
                                : VfioUserDescriptor.SPARSE_BYTES
                                        + areas.size() * VfioUserDescriptor.AREA_BYTES);
        // Who has no room for it is told how much it takes, and nothing of the areas.
        boolean hasRoom = Integer.toUnsignedLong(payload.get(VfioUserDescriptor.U32, 0)) >= full;
        return new Answer(
                hasRoom ? full : VfioUserDescriptor.REGION_BYTES,
                into -> describe(into, index, full, hasRoom, shared),
                shared == null ? new Descriptor[0] : new Descriptor[] {shared.file()});
    }

    private void describe(
            MemorySegment into,
            int index,
            int full,
            boolean hasRoom,
            VfioUserDevice.Shared shared) {
        long length = device.regionBytes(index);
        boolean hasAreas = shared != null && !shared.areas().isEmpty();
        int flags =
                (length == 0
                                ? 0
                                : VfioUserDescriptor.REGION_READABLE
                                        | VfioUserDescriptor.REGION_WRITABLE)
                        | (shared == null ? 0 : VfioUserDescriptor.REGION_MAPPABLE)
                        | (hasAreas ? VfioUserDescriptor.REGION_HAS_CAPABILITIES : 0);
        into.set(VfioUserDescriptor.U32, 0, full);
        into.set(VfioUserDescriptor.U32, 4, flags);
        into.set(VfioUserDescriptor.U32, 8, index);
        into.set(VfioUserDescriptor.U64, 16, length);
        into.set(VfioUserDescriptor.U64, 24, shared == null ? 0 : shared.fileOffset());
        if (!hasAreas || !hasRoom) {
            return;
        }
        long at = VfioUserDescriptor.REGION_BYTES;
        into.set(VfioUserDescriptor.U32, 12, (int) at);
        into.set(VfioUserDescriptor.U16, at, (short) VfioUserDescriptor.CAPABILITY_SPARSE);
        into.set(VfioUserDescriptor.U16, at + 2, (short) 1);
        into.set(VfioUserDescriptor.U32, at + 8, shared.areas().size());
        at += VfioUserDescriptor.SPARSE_BYTES;
        for (VfioUserDevice.Area area : shared.areas()) {
            into.set(VfioUserDescriptor.U64, at, area.offset());
            into.set(VfioUserDescriptor.U64, at + Long.BYTES, area.lengthBytes());
            at += VfioUserDescriptor.AREA_BYTES;
        }
    }

    private Answer irqInfo(MemorySegment payload) {
        int index = index(payload, VfioUserDescriptor.IRQ_BYTES, VfioUserDescriptor.IRQS);
        return Answer.of(
                VfioUserDescriptor.IRQ_BYTES,
                into -> {
                    into.set(VfioUserDescriptor.U32, 0, VfioUserDescriptor.IRQ_BYTES);
                    into.set(VfioUserDescriptor.U32, 4, VfioUserDescriptor.IRQ_EVENT);
                    into.set(VfioUserDescriptor.U32, 8, index);
                    into.set(VfioUserDescriptor.U32, 12, vectors(index));
                });
    }

    private int vectors(int kind) {
        return kind <= VfioUserDescriptor.MSIX ? device.vectors(kind) : 0;
    }

    private Answer setIrqs(MemorySegment payload, List<Descriptor> passed) {
        int kind = index(payload, VfioUserDescriptor.SET_IRQS_BYTES, VfioUserDescriptor.IRQS);
        int flags = payload.get(VfioUserDescriptor.U32, 4);
        int first = payload.get(VfioUserDescriptor.U32, 12);
        int count = payload.get(VfioUserDescriptor.U32, 16);
        int vectors = vectors(kind);
        if (first < 0 || count < 0 || first > vectors - count) {
            throw new VfioUserException("no such vectors", EINVAL);
        }
        if ((flags & VfioUserDescriptor.IRQ_TRIGGER) == 0) {
            // A line of messages has no mask of its own.
            return Answer.NOTHING;
        }
        if ((flags & VfioUserDescriptor.IRQ_DATA_EVENT) != 0) {
            listen(kind, first, count, passed);
        } else if ((flags & VfioUserDescriptor.IRQ_DATA_NONE) != 0 && count == 0) {
            forget(kind);
        } else {
            trigger(kind, flags, first, count, payload);
        }
        return Answer.NOTHING;
    }

    private void listen(int kind, int first, int count, List<Descriptor> passed) {
        if (passed.size() != count && !passed.isEmpty()) {
            throw new VfioUserException("as many events as vectors, or none", EINVAL);
        }
        EventDescriptor[] old = events[kind];
        EventDescriptor[] now = Arrays.copyOf(old, Math.max(old.length, first + count));
        List<EventDescriptor> gone = new ArrayList<>();
        for (int at = 0; at < count; at++) {
            if (now[first + at] != null) {
                gone.add(now[first + at]);
            }
            now[first + at] =
                    passed.isEmpty() ? null : EventDescriptor.adopt(passed.get(at).duplicate());
        }
        events[kind] = now;
        device.signal(kind, now.clone());
        gone.forEach(EventDescriptor::close);
    }

    private void forget(int kind) {
        EventDescriptor[] old = events[kind];
        events[kind] = new EventDescriptor[0];
        device.signal(kind, events[kind]);
        for (EventDescriptor event : old) {
            if (event != null) {
                event.close();
            }
        }
    }

    /** The client raises an interrupt by itself: that is how it tries them. */
    private void trigger(int kind, int flags, int first, int count, MemorySegment payload) {
        boolean isChosen = (flags & VfioUserDescriptor.IRQ_DATA_BOOL) != 0;
        need(payload, VfioUserDescriptor.SET_IRQS_BYTES + (isChosen ? count : 0));
        for (int at = 0; at < count; at++) {
            boolean isMeant =
                    !isChosen
                            || payload.get(
                                            ValueLayout.JAVA_BYTE,
                                            VfioUserDescriptor.SET_IRQS_BYTES + at)
                                    != 0;
            int vector = first + at;
            if (isMeant && vector < events[kind].length && events[kind][vector] != null) {
                events[kind][vector].signal();
            }
        }
    }

    private int count(MemorySegment payload, int region) {
        int count = payload.get(VfioUserDescriptor.U32, 12);
        long offset = payload.get(VfioUserDescriptor.U64, 0);
        long length = region < 0 ? 0 : device.regionBytes(region);
        if (count <= 0
                || count > VfioUserDescriptor.MOST_DATA_BYTES
                || offset < 0
                || offset > length - count) {
            throw new VfioUserException("no such registers", EINVAL);
        }
        return count;
    }

    private static int region(MemorySegment payload) {
        int region = need(payload, VfioUserDescriptor.ACCESS_BYTES).get(VfioUserDescriptor.U32, 8);
        return region >= VfioUserDescriptor.REGIONS ? -1 : region;
    }

    /** The widest access that begins there, is aligned, and is no longer than what is left. */
    private static int width(long offset, int left) {
        int width = WIDEST_BYTES;
        while (width > left || offset % width != 0) {
            width >>>= 1;
        }
        return width;
    }

    private Answer read(MemorySegment payload) {
        int region = region(payload);
        int count = count(payload, region);
        long offset = payload.get(VfioUserDescriptor.U64, 0);
        byte[] bytes = new byte[count];
        int done = 0;
        while (done < count) {
            int width = width(offset + done, count - done);
            long value = device.read(region, offset + done, width);
            for (int at = 0; at < width; at++) {
                bytes[done + at] = (byte) (value >>> at * Byte.SIZE);
            }
            done += width;
        }
        return Answer.of(
                VfioUserDescriptor.ACCESS_BYTES + count,
                into -> {
                    into.copyFrom(payload.asSlice(0, VfioUserDescriptor.ACCESS_BYTES));
                    MemorySegment.copy(
                            bytes,
                            0,
                            into,
                            ValueLayout.JAVA_BYTE,
                            VfioUserDescriptor.ACCESS_BYTES,
                            count);
                });
    }

    private Answer write(MemorySegment payload) {
        int region = region(payload);
        int count = count(payload, region);
        need(payload, VfioUserDescriptor.ACCESS_BYTES + count);
        long offset = payload.get(VfioUserDescriptor.U64, 0);
        int done = 0;
        while (done < count) {
            int width = width(offset + done, count - done);
            long value = 0;
            for (int at = 0; at < width; at++) {
                long one =
                        payload.get(
                                ValueLayout.JAVA_BYTE, VfioUserDescriptor.ACCESS_BYTES + done + at);
                value |= (one & 0xff) << at * Byte.SIZE;
            }
            device.write(region, offset + done, width, value);
            done += width;
        }
        return Answer.of(
                VfioUserDescriptor.ACCESS_BYTES,
                into -> into.copyFrom(payload.asSlice(0, VfioUserDescriptor.ACCESS_BYTES)));
    }

    private Answer reset() {
        device.reset();
        return Answer.NOTHING;
    }

    /**
     * Reads what the client has mapped.
     *
     * @return false if it has not, or has it given for writing only: a fault
     */
    public boolean readMemory(long iova, MemorySegment into) {
        long length = into.byteSize();
        ClientMemory.Window window = memory.find(iova, length);
        if (window == null || !window.allows(VfioUserDescriptor.MAP_READABLE)) {
            return false;
        }
        MemorySegment here = window.memory(iova, length);
        if (here != null) {
            into.copyFrom(here);
            return true;
        }
        MemorySegment reply = ask(VfioUserDescriptor.DMA_READ, iova, length, null);
        if (reply == null || reply.byteSize() != VfioUserDescriptor.ACCESS_BYTES + length) {
            return false;
        }
        into.copyFrom(reply.asSlice(VfioUserDescriptor.ACCESS_BYTES, length));
        return true;
    }

    /** Writes what the client has mapped; as {@link #readMemory}. */
    public boolean writeMemory(long iova, MemorySegment from) {
        long length = from.byteSize();
        ClientMemory.Window window = memory.find(iova, length);
        if (window == null || !window.allows(VfioUserDescriptor.MAP_WRITABLE)) {
            return false;
        }
        MemorySegment here = window.memory(iova, length);
        if (here != null) {
            here.copyFrom(from);
            return true;
        }
        return ask(VfioUserDescriptor.DMA_WRITE, iova, length, from) != null;
    }

    /** Asks the client for some of its memory; null if it refuses. */
    private MemorySegment ask(int command, long iova, long length, MemorySegment data) {
        if (length > VfioUserDescriptor.MOST_DATA_BYTES) {
            return null;
        }
        int id = nextId++ & 0xffff;
        int all = VfioUserDescriptor.ACCESS_BYTES + (data == null ? 0 : (int) length);
        wire.send(
                id,
                command,
                VfioUserDescriptor.TYPE_COMMAND,
                0,
                all,
                into -> {
                    into.set(VfioUserDescriptor.U64, 0, iova);
                    into.set(VfioUserDescriptor.U64, 8, length);
                    if (data != null) {
                        into.asSlice(VfioUserDescriptor.ACCESS_BYTES).copyFrom(data);
                    }
                });
        long deadline = System.nanoTime() + timeoutNanos;
        while (true) {
            if (wire.receive()) {
                MemorySegment reply = replyTo(id, command);
                if (reply != null) {
                    return reply.byteSize() == 0 ? null : reply;
                }
                continue;
            }
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                throw new PeerTimeoutException(
                        "the client does not answer " + VfioUserDescriptor.name(command));
            }
            wire.socket().awaitReadable(left);
        }
    }

    /**
     * The payload if the reply has come; empty if it is a refusal; null if it was something else.
     */
    private MemorySegment replyTo(int id, int command) {
        int flags = wire.header(VfioUserDescriptor.FLAGS);
        if ((flags & VfioUserDescriptor.TYPE_MASK) != VfioUserDescriptor.TYPE_REPLY) {
            if (waiting.size() == MOST_WAITING) {
                throw new VfioUserException("requests without end while a reply is waited for");
            }
            waiting.add(take());
            return null;
        }
        if (wire.id() != id || wire.command() != command) {
            throw new VfioUserException("a reply to nothing: id=" + wire.id());
        }
        boolean isRefused = (flags & VfioUserDescriptor.FLAG_ERROR) != 0;
        MemorySegment payload =
                MemorySegment.ofArray(
                        isRefused ? new byte[0] : wire.payload().toArray(ValueLayout.JAVA_BYTE));
        wire.next();
        return payload;
    }

    /** The function has nobody to signal, and nothing to reach, any more. */
    @Override
    public void close() {
        for (int kind = 0; kind < events.length; kind++) {
            if (events[kind].length > 0) {
                forget(kind);
            }
        }
        waiting.forEach(request -> request.passed.forEach(Descriptor::close));
        waiting.clear();
        memory.close();
        wire.close();
    }
}
