package dev.outboard.netty;

import dev.outboard.driver.net.FrameFacts;
import dev.outboard.driver.net.ReceivedFrame;
import dev.outboard.internet.InternetSum;
import dev.outboard.internet.PacketDescriptor;
import io.netty.buffer.ByteBuf;
import io.netty.channel.socket.DatagramPacket;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.InetSocketAddress;

/**
 * Hands datagrams to the channels of their port. Owned by the event loop.
 *
 * <p>The payload stays where the device wrote it, as long as the program lets enough buffers go;
 * else it is copied. Either way its sum is looked at where the program will read it.
 */
final class DatagramDelivery {
    private static final int UDP = PacketDescriptor.PROTOCOL_UDP;

    /** No sum is to be looked at. */
    private static final int NO_SUM = -1;

    private final DmaByteBufAllocator allocator;
    private final KeptBuffers buffers;
    private final PortTable ports;
    private final Counters counters;
    private final SenderCache senders = new SenderCache();
    private final DriverIoHandler loop;
    private long kept;
    private long copied;

    DatagramDelivery(
            DriverIoHandler loop,
            DmaByteBufAllocator allocator,
            KeptBuffers buffers,
            PortTable ports,
            Counters counters) {
        this.loop = loop;
        this.allocator = allocator;
        this.buffers = buffers;
        this.ports = ports;
        this.counters = counters;
    }

    /** Datagrams that were handed over where the device wrote them. */
    long kept() {
        return kept;
    }

    long copied() {
        return copied;
    }

    /** UDP over IPv4, whose header is right. */
    void ipv4(
            ReceivedFrame frame,
            MemorySegment memory,
            long start,
            int roomBytes,
            int source,
            int destination,
            long at) {
        int lengthBytes = length(memory, start, roomBytes);
        if (lengthBytes < 0) {
            counters.malformed.increment();
            return;
        }
        boolean hasSum = Bytes.u16(memory, start + PacketDescriptor.UDP_SUM) != 0;
        int pseudo =
                hasSum && !isGood(frame)
                        ? InternetSum.pseudoHeader(source, destination, UDP, lengthBytes)
                        : NO_SUM;
        int fromPort = Bytes.u16(memory, start);
        int port = Bytes.u16(memory, start + PacketDescriptor.UDP_TO);
        var from = senders.ipv4(memory, at + PacketDescriptor.IPV4_SOURCE, fromPort);
        deliver(frame, memory, start, lengthBytes, pseudo, Address.ipv4(destination), port, from);
    }

    /** UDP over IPv6, whose header is right. */
    void ipv6(ReceivedFrame frame, MemorySegment memory, long start, int roomBytes, long at) {
        int lengthBytes = length(memory, start, roomBytes);
        // Over IPv6 there is always a sum (RFC 8200, section 8.1).
        if (lengthBytes < 0 || Bytes.u16(memory, start + PacketDescriptor.UDP_SUM) == 0) {
            counters.malformed.increment();
            return;
        }
        int pseudo =
                isGood(frame)
                        ? NO_SUM
                        : InternetSum.pseudoHeaderIpv6(
                                memory, at + PacketDescriptor.IPV6_SOURCE, UDP, lengthBytes);
        int fromPort = Bytes.u16(memory, start);
        int port = Bytes.u16(memory, start + PacketDescriptor.UDP_TO);
        var from = senders.ipv6(memory, at + PacketDescriptor.IPV6_SOURCE, fromPort);
        var to = Address.ipv6(memory, at + PacketDescriptor.IPV6_DESTINATION);
        deliver(frame, memory, start, lengthBytes, pseudo, to, port, from);
    }

    private static boolean isGood(ReceivedFrame frame) {
        return (frame.facts() & FrameFacts.CHECKSUM_GOOD) != 0;
    }

    /** How long the datagram is, with its header; -1 if it is not whole. */
    private static int length(MemorySegment memory, long start, int roomBytes) {
        int lengthBytes =
                roomBytes < PacketDescriptor.UDP_BYTES
                        ? 0
                        : Bytes.u16(memory, start + PacketDescriptor.UDP_LENGTH);
        return lengthBytes < PacketDescriptor.UDP_BYTES || lengthBytes > roomBytes
                ? -1
                : lengthBytes;
    }

    private void deliver(
            ReceivedFrame frame,
            MemorySegment memory,
            long start,
            int lengthBytes,
            int pseudo,
            Address to,
            int port,
            InetSocketAddress from) {
        if (pseudo != NO_SUM
                && !InternetSum.isRight(InternetSum.add(pseudo, memory, start, lengthBytes))) {
            counters.malformed.increment();
            return;
        }
        boolean isDelivered =
                to.isGroup() || loop.route().isBroadcast(to)
                        ? toMany(frame, memory, start, lengthBytes, to, port, from)
                        : toOne(frame, memory, start, lengthBytes, to, port, from);
        if (!isDelivered) {
            counters.unclaimed.increment();
        }
    }

    private boolean toOne(
            ReceivedFrame frame,
            MemorySegment memory,
            long start,
            int lengthBytes,
            Address to,
            int port,
            InetSocketAddress from) {
        var channel = choose(ports.at(port), to, from);
        if (channel == null) {
            return false;
        }
        var content = content(frame, memory, start, lengthBytes);
        hand(channel, new DatagramPacket(content, channel.recipient(to, port), from));
        return true;
    }

    private boolean toMany(
            ReceivedFrame frame,
            MemorySegment memory,
            long start,
            int lengthBytes,
            Address to,
            int port,
            InetSocketAddress from) {
        ByteBuf content = null;
        for (var channel : ports.at(port)) {
            if (channel.accepts(to, from, true)) {
                content = content == null ? content(frame, memory, start, lengthBytes) : content;
                var recipient = channel.recipient(to, port);
                hand(channel, new DatagramPacket(content.retainedDuplicate(), recipient, from));
            }
        }
        if (content != null) {
            content.release();
        }
        return content != null;
    }

    /** A datagram of this interface's for itself: copied, and later, as if it had come. */
    void loopBack(ByteBuf content, Address to, int fromPort, int port) {
        var from = new InetSocketAddress(to.inet(), fromPort);
        var channel = choose(ports.at(port), to, from);
        if (channel == null) {
            counters.unclaimed.increment();
            return;
        }
        int lengthBytes = content.readableBytes();
        var copy = allocator.directBuffer(lengthBytes);
        copy.writeBytes(content, content.readerIndex(), lengthBytes);
        var packet = new DatagramPacket(copy, channel.recipient(to, port), from);
        channel.eventLoop().execute(() -> channel.receivedElsewhere(packet));
    }

    /** Of several that share a port, the one that fits best; the same for the same sender. */
    private DriverDatagramChannel choose(
            DriverDatagramChannel[] channels, Address to, InetSocketAddress from) {
        if (channels.length == 1) {
            return channels[0].accepts(to, from, false) ? channels[0] : null;
        }
        int first = channels.length == 0 ? 0 : Math.floorMod(from.hashCode(), channels.length);
        DriverDatagramChannel best = null;
        int bestFit = 0;
        for (int i = 0; i < channels.length; i++) {
            var channel = channels[(first + i) % channels.length];
            int fit = channel.accepts(to, from, false) ? channel.fit(loop) : 0;
            if (fit > bestFit) {
                best = channel;
                bestFit = fit;
            }
        }
        return best;
    }

    private void hand(DriverDatagramChannel channel, DatagramPacket packet) {
        if (channel.isOf(loop)) {
            loop.touched(channel);
            channel.received(packet);
        } else {
            channel.eventLoop().execute(() -> channel.receivedElsewhere(packet));
        }
    }

    private ByteBuf content(
            ReceivedFrame frame, MemorySegment memory, long start, int lengthBytes) {
        int headerBytes = (int) (start - frame.offset(0)) + PacketDescriptor.UDP_BYTES;
        int payloadBytes = lengthBytes - PacketDescriptor.UDP_BYTES;
        var buffer = buffers.keep(frame);
        if (buffer != null) {
            kept++;
            return buffer.setIndex(headerBytes, headerBytes + payloadBytes);
        }
        copied++;
        long payload = start + PacketDescriptor.UDP_BYTES;
        var slot =
                payloadBytes <= allocator.slotCapacityBytes()
                        ? allocator.slotBuffer(payloadBytes, Integer.MAX_VALUE)
                        : null;
        if (slot != null) {
            var place = slot.place();
            MemorySegment.copy(
                    memory,
                    ValueLayout.JAVA_BYTE,
                    payload,
                    place.memory(),
                    ValueLayout.JAVA_BYTE,
                    place.index(),
                    payloadBytes);
            return slot.writerIndex(payloadBytes);
        }
        return allocator
                .heapBuffer(payloadBytes)
                .writeBytes(memory.asSlice(payload, payloadBytes).asByteBuffer());
    }
}
