package dev.outboard.uio.vfiouser;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.PeerTimeoutException;
import dev.outboard.uio.UnixSocket;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
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

    private final Wire wire;
    private final VfioUserDevice device;
    private final long timeoutNanos;
    private final ClientMemory memory = new ClientMemory();
    private final ServedRegions regions;
    private final ServedInterrupts interrupts;

    /** Requests that came while the client was asked something. */
    private final ArrayDeque<Request> waiting = new ArrayDeque<>();

    private Capabilities client = Capabilities.of(0, 0, "");
    private boolean isAgreed;
    private int nextId;

    /**
     * A session on a connected socket, which it takes over.
     *
     * @param timeoutNanos for what the client is asked, and for it to take what it is sent
     */
    public VfioUserSession(UnixSocket socket, VfioUserDevice device, long timeoutNanos) {
        socket.sendTimeout(timeoutNanos);
        wire = new Wire(socket);
        this.device = device;
        regions = new ServedRegions(device);
        interrupts = new ServedInterrupts(device);
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
            if ((request.flags() & VfioUserDescriptor.TYPE_MASK)
                    != VfioUserDescriptor.TYPE_COMMAND) {
                throw new VfioUserException("a reply to nothing: id=" + request.id());
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
            request.close();
        }
    }

    private void reply(Request request, Answer answer) {
        if (request.wantsReply()) {
            wire.send(
                    request.id(),
                    request.command(),
                    VfioUserDescriptor.TYPE_REPLY,
                    0,
                    answer.length(),
                    answer.payload(),
                    answer.passed());
        }
    }

    private void refuse(Request request, int errno) {
        if (request.wantsReply()) {
            int flags = VfioUserDescriptor.TYPE_REPLY | VfioUserDescriptor.FLAG_ERROR;
            wire.send(request.id(), request.command(), flags, errno, 0, Wire.NONE);
        }
    }

    private Answer answer(Request request) {
        if (!isAgreed && request.command() != VfioUserDescriptor.VERSION) {
            throw new VfioUserException(
                    VfioUserDescriptor.name(request.command()) + " before VERSION");
        }
        MemorySegment payload = request.payload();
        return switch (request.command()) {
            case VfioUserDescriptor.VERSION -> agree(payload);
            case VfioUserDescriptor.DMA_MAP -> map(payload, request.passed());
            case VfioUserDescriptor.DMA_UNMAP -> unmap(payload);
            case VfioUserDescriptor.DEVICE_INFO -> deviceInfo(payload);
            case VfioUserDescriptor.REGION_INFO -> regions.info(payload);
            case VfioUserDescriptor.IRQ_INFO -> interrupts.info(payload);
            case VfioUserDescriptor.SET_IRQS -> interrupts.set(payload, request.passed());
            case VfioUserDescriptor.REGION_READ -> regions.read(payload);
            case VfioUserDescriptor.REGION_WRITE -> regions.write(payload);
            case VfioUserDescriptor.RESET -> reset();
            default -> throw new VfioUserException("unknown", EOPNOTSUPP);
        };
    }

    private Answer agree(MemorySegment payload) {
        Request.need(payload, VfioUserDescriptor.VERSION_BYTES);
        int major = Short.toUnsignedInt(payload.get(VfioUserDescriptor.U16, 0));
        int minor = Short.toUnsignedInt(payload.get(VfioUserDescriptor.U16, 2));
        if (isAgreed || major != 0) {
            throw new VfioUserException("version " + major + "." + minor + " is not spoken here");
        }
        isAgreed = true;
        client =
                Capabilities.of(major, minor, Wire.text(payload, VfioUserDescriptor.VERSION_BYTES));
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
        Request.need(payload, VfioUserDescriptor.DMA_MAP_BYTES);
        memory.add(
                payload.get(VfioUserDescriptor.U64, 16),
                payload.get(VfioUserDescriptor.U64, 24),
                payload.get(VfioUserDescriptor.U32, 4),
                passed.isEmpty() ? null : passed.getFirst(),
                payload.get(VfioUserDescriptor.U64, 8));
        return Answer.NOTHING;
    }

    private Answer unmap(MemorySegment payload) {
        Request.need(payload, VfioUserDescriptor.DMA_UNMAP_BYTES);
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
        Request.need(payload, VfioUserDescriptor.DEVICE_BYTES);
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

    private Answer reset() {
        device.reset();
        return Answer.NOTHING;
    }

    /** Whether {@link #receive} has something to do that came while the client was asked. */
    public boolean hasWaiting() {
        return !waiting.isEmpty();
    }

    /** What the client has let the device reach. */
    public ClientMemory memory() {
        return memory;
    }

    /**
     * Reads what the client has mapped.
     *
     * @return false if it has not, or has it given for writing only: a fault
     */
    public boolean readMemory(long iova, MemorySegment into) {
        long length = into.byteSize();
        int window = memory.find(iova, length);
        if (window < 0 || (memory.access(window) & VfioUserDescriptor.MAP_READABLE) == 0) {
            return false;
        }
        if (memory.isHere(window)) {
            into.copyFrom(memory.bytes(window, iova, length));
            return true;
        }
        for (long done = 0; done < length; done += client.dataBytes()) {
            long part = Math.min(client.dataBytes(), length - done);
            MemorySegment reply = ask(VfioUserDescriptor.DMA_READ, iova + done, part, null);
            if (reply == null || reply.byteSize() != VfioUserDescriptor.ACCESS_BYTES + part) {
                return false;
            }
            into.asSlice(done, part).copyFrom(reply.asSlice(VfioUserDescriptor.ACCESS_BYTES, part));
        }
        return true;
    }

    /** Writes what the client has mapped; as {@link #readMemory}. */
    public boolean writeMemory(long iova, MemorySegment from) {
        long length = from.byteSize();
        int window = memory.find(iova, length);
        if (window < 0 || (memory.access(window) & VfioUserDescriptor.MAP_WRITABLE) == 0) {
            return false;
        }
        if (memory.isHere(window)) {
            memory.bytes(window, iova, length).copyFrom(from);
            return true;
        }
        for (long done = 0; done < length; done += client.dataBytes()) {
            long part = Math.min(client.dataBytes(), length - done);
            MemorySegment data = from.asSlice(done, part);
            if (ask(VfioUserDescriptor.DMA_WRITE, iova + done, part, data) == null) {
                return false;
            }
        }
        return true;
    }

    /** Asks the client for some of its memory; null if it refuses. */
    private MemorySegment ask(int command, long iova, long length, MemorySegment data) {
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
        interrupts.close();
        waiting.forEach(Request::close);
        waiting.clear();
        memory.close();
        wire.close();
    }
}
