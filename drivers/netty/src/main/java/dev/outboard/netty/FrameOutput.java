package dev.outboard.netty;

import dev.outboard.driver.net.FrameOffload;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.driver.net.SentListener;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.internet.InternetSum;
import dev.outboard.internet.PacketDescriptor;
import io.netty.buffer.ByteBuf;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/**
 * One queue's way out: puts headers before a payload and hands both to the device. Owned by the
 * event loop; nothing allocates but for payloads that are no DMA memory.
 *
 * <pre>
 *   payload in DMA memory that nobody else holds   headers before it, one part: no copy
 *   payload in DMA memory that others hold         headers elsewhere, two parts: no copy
 *   any other payload, or a frame below 60         copied into a buffer of the queue
 * </pre>
 */
final class FrameOutput implements SentListener {
    private static final int UDP = PacketDescriptor.PROTOCOL_UDP;

    private final TransmitQueue queue;
    private final Route route;
    private final boolean sumsByDevice;
    private final boolean posts;
    private final GatherSlots gathers;

    /** What the device reads, by its token. */
    private final ByteBuf[] inFlight;

    private int inFlightCount;
    private MemorySegment copyMemory;
    private ByteBuffer copyBytes;
    private int unflushed;
    private long posted;
    private long copied;

    /** The datagram at hand. */
    private Destination destination;

    private long nextMac;
    private int ports;
    private Options settings;
    private int payloadBytes;
    private int headerBytes;

    /**
     * @param tokens how many buffers can be named to the queue: the allocator's, and its receive
     *     queue's
     */
    FrameOutput(NetworkService network, int pair, int tokens, GatherSlots gathers, Route route) {
        queue = network.transmitQueue(pair);
        this.gathers = gathers;
        this.route = route;
        sumsByDevice = (network.offloads() & FrameOffload.CHECKSUM) != 0;
        inFlight = new ByteBuf[tokens];
        posts = listens();
    }

    private boolean listens() {
        try {
            queue.onSent(this);
            return true;
        } catch (UnsupportedOperationException copiesOnly) {
            return false;
        }
    }

    TransmitQueue queue() {
        return queue;
    }

    /** Datagrams that went without a copy. */
    long posted() {
        return posted;
    }

    long copied() {
        return copied;
    }

    /** Whether the device still reads memory of the allocator. */
    boolean isInFlight() {
        return inFlightCount + gathers.inFlight() > 0;
    }

    /**
     * Sends a datagram with the next {@link #flush}. The content is still the caller's.
     *
     * @param mac who it is handed to
     * @return false where the queue is full
     */
    boolean datagram(
            ByteBuf content, Destination to, long mac, int fromPort, int toPort, Options options) {
        destination = to;
        nextMac = mac;
        ports = fromPort << Short.SIZE | toPort;
        settings = options;
        payloadBytes = content.readableBytes();
        headerBytes = to.isIpv6() ? PacketHeaders.UDP6_BYTES : PacketHeaders.UDP4_BYTES;
        if (posts && headerBytes + payloadBytes >= PacketDescriptor.LEAST_FRAME_BYTES) {
            var root = DmaByteBufAllocator.rootOf(content);
            if (root != null) {
                return post(root, content);
            }
        }
        return copy(content);
    }

    /** What of a channel's settings stands in its packets. */
    interface Options {
        int timeToLive(boolean isMany);

        int trafficClass();
    }

    private boolean post(DmaByteBuf root, ByteBuf content) {
        var place = root.place();
        long payload = root.offsetOf(content);
        long frame = payload - headerBytes;
        // The writer alone holds it, so nobody reads what stands before its payload.
        boolean isFree =
                root.refCnt() == 1
                        && (place.output() == null || place.output() == this)
                        && inFlight[place.token()] == null
                        && frame >= place.first();
        if (!isFree) {
            return gather(place, content, payload);
        }
        long offload = headers(place.memory(), frame, place.memory(), payload);
        long physical = place.physicalAddress() + (frame - place.index());
        if (!queue.post(physical, headerBytes + payloadBytes, offload, place.token())) {
            return false;
        }
        inFlight[place.token()] = content.retain();
        inFlightCount++;
        posted++;
        unflushed++;
        return true;
    }

    private boolean gather(DmaByteBuf.Place place, ByteBuf content, long payload) {
        int slot = gathers.take();
        if (slot == SlotStack.NONE) {
            return copy(content);
        }
        long offload = headers(gathers.memory(), gathers.offset(slot), place.memory(), payload);
        long physical = place.physicalAddress() + (payload - place.index());
        var list = gathers.list(slot, headerBytes, physical, payloadBytes);
        if (!queue.post(list, offload, inFlight.length + slot)) {
            gathers.give(slot);
            return false;
        }
        gathers.hold(slot, content.retain());
        posted++;
        unflushed++;
        return true;
    }

    private boolean copy(ByteBuf content) {
        int buffer = queue.claim();
        if (buffer == TransmitQueue.NONE) {
            return false;
        }
        var memory = queue.memory();
        long frame = queue.offset(buffer);
        long payload = frame + headerBytes;
        copyPayload(content, memory, payload);
        commit(buffer, frame, headerBytes + payloadBytes, headers(memory, frame, memory, payload));
        copied++;
        return true;
    }

    /** All headers of the datagram at hand; what the device has left to do. */
    private long headers(
            MemorySegment memory, long frame, MemorySegment payloadMemory, long payload) {
        int lengthBytes = PacketDescriptor.UDP_BYTES + payloadBytes;
        ip(memory, frame, lengthBytes);
        int start = headerBytes - PacketDescriptor.UDP_BYTES;
        long udp = frame + start;
        Bytes.putInt(memory, udp, ports);
        Bytes.putShort(memory, udp + PacketDescriptor.UDP_LENGTH, lengthBytes);
        int sum = PacketHeaders.pseudo(memory, frame, destination.isIpv6(), UDP, lengthBytes);
        if (sumsByDevice) {
            Bytes.putShort(memory, udp + PacketDescriptor.UDP_SUM, sum);
            return FrameOffload.checksum(start, PacketDescriptor.UDP_SUM);
        }
        Bytes.putShort(memory, udp + PacketDescriptor.UDP_SUM, 0);
        sum = InternetSum.add(sum, memory, udp, PacketDescriptor.UDP_BYTES);
        sum = InternetSum.add(sum, payloadMemory, payload, payloadBytes);
        Bytes.putShort(memory, udp + PacketDescriptor.UDP_SUM, InternetSum.storedOrOnes(sum));
        return FrameOffload.NONE;
    }

    private void ip(MemorySegment memory, long frame, int lengthBytes) {
        var to = destination;
        int timeToLive = settings.timeToLive(to.isMany());
        int traffic = settings.trafficClass();
        if (to.isIpv6()) {
            PacketHeaders.ethernet(memory, frame, nextMac, route.mac(), PacketDescriptor.TYPE_IPV6);
            PacketHeaders.ipv6(
                    memory,
                    frame,
                    to.source(),
                    to.address(),
                    UDP,
                    lengthBytes,
                    timeToLive,
                    traffic);
        } else {
            PacketHeaders.ethernet(memory, frame, nextMac, route.mac(), PacketDescriptor.TYPE_IPV4);
            PacketHeaders.ipv4(
                    memory,
                    frame,
                    to.source().ipv4(),
                    to.address().ipv4(),
                    UDP,
                    lengthBytes,
                    timeToLive,
                    traffic);
        }
    }

    private void copyPayload(ByteBuf content, MemorySegment memory, long payload) {
        if (memory != copyMemory) {
            copyMemory = memory;
            copyBytes = memory.asByteBuffer();
        }
        copyBytes.limit((int) payload + content.readableBytes()).position((int) payload);
        content.getBytes(content.readerIndex(), copyBytes);
    }

    /** A buffer for a frame of the stack's own; {@link TransmitQueue#NONE} where there is none. */
    int claim() {
        return queue.claim();
    }

    MemorySegment memory() {
        return queue.memory();
    }

    long offset(int buffer) {
        return queue.offset(buffer);
    }

    int capacityBytes() {
        return queue.capacityBytes();
    }

    /** Sends the frame in a claimed buffer with the next {@link #flush}. */
    void commit(int buffer, long frame, int lengthBytes, long offload) {
        int frameBytes = lengthBytes;
        // What a device sums ends where the frame does: it makes a short one longer itself.
        if (offload == FrameOffload.NONE && lengthBytes < PacketDescriptor.LEAST_FRAME_BYTES) {
            frameBytes = PacketDescriptor.LEAST_FRAME_BYTES;
            queue.memory().asSlice(frame + lengthBytes, frameBytes - lengthBytes).fill((byte) 0);
        }
        queue.commit(buffer, frameBytes, offload);
        unflushed++;
    }

    /** Hands over what was sent since the last: one request to map, one doorbell. */
    void flush() {
        if (unflushed > 0) {
            unflushed -= queue.flush();
        }
    }

    boolean isFlushed() {
        return unflushed == 0;
    }

    /** Takes back what the device is done with. */
    void reclaim() {
        queue.pending();
    }

    @Override
    public void onSent(int token) {
        if (token >= inFlight.length) {
            gathers.release(token - inFlight.length);
            return;
        }
        var sent = inFlight[token];
        inFlight[token] = null;
        inFlightCount--;
        sent.release();
    }
}
