package dev.outboard.netty;

import dev.outboard.driver.net.FrameFacts;
import dev.outboard.driver.net.ReceiveQueue;
import dev.outboard.driver.net.ReceivedFrame;
import dev.outboard.driver.net.ReceivedFrameHandler;
import dev.outboard.internet.InternetSum;
import dev.outboard.internet.PacketDescriptor;
import java.lang.foreign.MemorySegment;

/**
 * One queue's way in: checks what came, answers what the stack itself answers, and hands datagrams
 * to their channels. Owned by the event loop.
 *
 * <pre>
 *   Ethernet ─┬─ ARP ───────────────────────────────► NeighbourProtocol
 *             ├─ IPv4 ─┬─ ICMP ─────────────────────► EchoResponder
 *             │        └─ UDP ──────────────────────► DatagramDelivery ──► channels
 *             └─ IPv6 ─┬─ UDP ───────────────────────────▲
 *                      └─ ICMPv6 ──► EchoResponder, NeighbourProtocol
 * </pre>
 *
 * <p>A frame is as its sender made it: every length is read once, and checked against what is
 * there. What is not whole, in pieces, or for somebody else is counted and reaches nobody.
 */
final class FrameInput implements ReceivedFrameHandler {
    private static final int BATCH = 64;
    private static final int MOST_OPTION_HEADERS = 8;
    private static final int IPV6_VERSION = 6;
    private static final long GROUP_BIT = 1L << 40;

    private final ReceiveQueue queue;
    private final Route route;
    private final NeighbourProtocol neighbours;
    private final EchoResponder echoes;
    private final DatagramDelivery delivery;
    private final Counters counters;

    FrameInput(
            ReceiveQueue queue,
            Route route,
            NeighbourProtocol neighbours,
            EchoResponder echoes,
            DatagramDelivery delivery,
            Counters counters) {
        this.queue = queue;
        this.route = route;
        this.neighbours = neighbours;
        this.echoes = echoes;
        this.delivery = delivery;
        this.counters = counters;
    }

    /** Takes what has come; how many frames. */
    int poll() {
        return queue.pollFrames(this, BATCH);
    }

    @Override
    public void onFrame(ReceivedFrame frame) {
        // Nothing unfinished was asked for, so what is here lies in one part.
        int lengthBytes = frame.lengthBytes(0);
        if (frame.parts() != 1
                || lengthBytes < PacketDescriptor.ETHERNET_BYTES
                || (frame.facts() & FrameFacts.CHECKSUM_WRONG) != 0) {
            counters.malformed.increment();
            return;
        }
        var memory = frame.memory(0);
        long at = frame.offset(0);
        long to = Bytes.mac(memory, at + PacketDescriptor.ETHERNET_TO);
        if (to != route.mac() && (to & GROUP_BIT) == 0) {
            counters.foreign.increment();
            return;
        }
        switch (Bytes.u16(memory, at + PacketDescriptor.ETHERNET_TYPE)) {
            case PacketDescriptor.TYPE_ARP -> {
                if (!neighbours.arp(memory, at, lengthBytes)) {
                    counters.foreign.increment();
                }
            }
            case PacketDescriptor.TYPE_IPV4 -> ipv4(frame, memory, at, lengthBytes);
            case PacketDescriptor.TYPE_IPV6 -> ipv6(frame, memory, at, lengthBytes);
            default -> counters.foreign.increment();
        }
    }

    private void ipv4(ReceivedFrame frame, MemorySegment memory, long at, int lengthBytes) {
        int room = lengthBytes - PacketDescriptor.ETHERNET_BYTES;
        if (room < PacketDescriptor.IPV4_BYTES) {
            counters.malformed.increment();
            return;
        }
        int first = Bytes.u8(memory, at + PacketDescriptor.IPV4);
        int headerBytes = (first & 0xf) * Integer.BYTES;
        int total = Bytes.u16(memory, at + PacketDescriptor.IPV4_LENGTH);
        boolean isWhole =
                first >>> 4 == 4
                        && headerBytes >= PacketDescriptor.IPV4_BYTES
                        && headerBytes <= total
                        && total <= room
                        && InternetSum.isRight(
                                InternetSum.add(
                                        0, memory, at + PacketDescriptor.IPV4, headerBytes));
        if (!isWhole) {
            counters.malformed.increment();
            return;
        }
        int pieces = Bytes.u16(memory, at + PacketDescriptor.IPV4_FRAGMENT);
        int source = Bytes.i32(memory, at + PacketDescriptor.IPV4_SOURCE);
        int destination = Bytes.i32(memory, at + PacketDescriptor.IPV4_DESTINATION);
        boolean isOwn = route.isOwn4(destination);
        if (!isOwn && route.manyMac(Address.ipv4(destination)) < 0) {
            counters.foreign.increment();
            return;
        }
        if ((pieces & PacketDescriptor.IPV4_PIECE) != 0) {
            counters.fragments.increment();
            return;
        }
        long start = at + PacketDescriptor.IPV4 + headerBytes;
        int payloadBytes = total - headerBytes;
        switch (Bytes.u8(memory, at + PacketDescriptor.IPV4_PROTOCOL)) {
            case PacketDescriptor.PROTOCOL_UDP ->
                    delivery.ipv4(frame, memory, start, payloadBytes, source, destination, at);
            case PacketDescriptor.PROTOCOL_ICMP -> {
                if (isOwn) {
                    icmp(memory, at, start, payloadBytes, source);
                }
            }
            default -> counters.foreign.increment();
        }
    }

    private void icmp(MemorySegment memory, long at, long start, int lengthBytes, int source) {
        if (lengthBytes < PacketDescriptor.ICMP_BYTES
                || !InternetSum.isRight(InternetSum.add(0, memory, start, lengthBytes))) {
            counters.malformed.increment();
            return;
        }
        boolean isOneHost = route.manyMac(Address.ipv4(source)) < 0;
        if (Bytes.u16(memory, start) == PacketDescriptor.ICMP_ECHO << Byte.SIZE && isOneHost) {
            echoes.ipv4(memory, at, start, lengthBytes, source);
        } else {
            counters.foreign.increment();
        }
    }

    private void ipv6(ReceivedFrame frame, MemorySegment memory, long at, int lengthBytes) {
        int room = lengthBytes - PacketDescriptor.ETHERNET_BYTES - PacketDescriptor.IPV6_BYTES;
        if (room < 0) {
            counters.malformed.increment();
            return;
        }
        int version = Bytes.u8(memory, at + PacketDescriptor.IPV6) >>> 4;
        int payloadBytes = Bytes.u16(memory, at + PacketDescriptor.IPV6_PAYLOAD_LENGTH);
        if (version != IPV6_VERSION || payloadBytes > room) {
            counters.malformed.increment();
            return;
        }
        long upper = Bytes.i64(memory, at + PacketDescriptor.IPV6_DESTINATION);
        long lower = Bytes.i64(memory, at + PacketDescriptor.IPV6_DESTINATION + Long.BYTES);
        boolean isOwn = route.isOwn6(upper, lower);
        if (!isOwn && upper >>> 56 != 0xff) {
            counters.foreign.increment();
            return;
        }
        int next = Bytes.u8(memory, at + PacketDescriptor.IPV6_NEXT_HEADER);
        long start = at + PacketDescriptor.IPV6 + PacketDescriptor.IPV6_BYTES;
        int skipped = 0;
        for (int header = 0; header < MOST_OPTION_HEADERS && isOption(next); header++) {
            if (payloadBytes - skipped < Long.BYTES) {
                counters.malformed.increment();
                return;
            }
            int bytes = (Bytes.u8(memory, start + skipped + 1) + 1) * Long.BYTES;
            next = Bytes.u8(memory, start + skipped);
            skipped += bytes;
            if (skipped > payloadBytes) {
                counters.malformed.increment();
                return;
            }
        }
        upperLayer(frame, memory, at, start + skipped, payloadBytes - skipped, next, isOwn);
    }

    private static boolean isOption(int header) {
        return header == PacketDescriptor.IPV6_HOP_OPTIONS
                || header == PacketDescriptor.IPV6_DESTINATION_OPTIONS;
    }

    private void upperLayer(
            ReceivedFrame frame,
            MemorySegment memory,
            long at,
            long start,
            int lengthBytes,
            int protocol,
            boolean isOwn) {
        switch (protocol) {
            case PacketDescriptor.PROTOCOL_UDP ->
                    delivery.ipv6(frame, memory, start, lengthBytes, at);
            case PacketDescriptor.PROTOCOL_ICMPV6 -> icmpv6(memory, at, start, lengthBytes, isOwn);
            case PacketDescriptor.IPV6_PIECE -> counters.fragments.increment();
            default -> counters.foreign.increment();
        }
    }

    private void icmpv6(MemorySegment memory, long at, long start, int lengthBytes, boolean isOwn) {
        int pseudo =
                PacketHeaders.pseudo(
                        memory, at, true, PacketDescriptor.PROTOCOL_ICMPV6, lengthBytes);
        if (lengthBytes < PacketDescriptor.ICMP_BYTES
                || !InternetSum.isRight(InternetSum.add(pseudo, memory, start, lengthBytes))) {
            counters.malformed.increment();
            return;
        }
        int type = Bytes.u8(memory, start);
        switch (type) {
            case PacketDescriptor.ICMPV6_ECHO -> {
                var source = Address.ipv6(memory, at + PacketDescriptor.IPV6_SOURCE);
                if (!source.isGroup() && !source.isUnspecified()) {
                    var own = Address.ipv6(memory, at + PacketDescriptor.IPV6_DESTINATION);
                    var from = isOwn ? own : route.ownFor(source);
                    echoes.ipv6(memory, at, start, lengthBytes, from, source);
                }
            }
            case PacketDescriptor.NDP_SOLICITATION, PacketDescriptor.NDP_ADVERTISEMENT -> {
                if (!neighbours.ndp(memory, at, start, lengthBytes, type)) {
                    counters.foreign.increment();
                }
            }
            default -> counters.foreign.increment();
        }
    }
}
