package dev.outboard.netty;

import dev.outboard.internet.InternetSum;
import dev.outboard.internet.PacketDescriptor;
import java.lang.foreign.MemorySegment;

/**
 * Writes the headers of packets. Offsets of {@link PacketDescriptor} are from a frame's beginning.
 * Any thread; nothing allocates.
 */
final class PacketHeaders {
    /** Ethernet, IPv4, UDP; and the same with IPv6. */
    static final int UDP4_BYTES =
            PacketDescriptor.ETHERNET_BYTES
                    + PacketDescriptor.IPV4_BYTES
                    + PacketDescriptor.UDP_BYTES;

    static final int UDP6_BYTES =
            PacketDescriptor.ETHERNET_BYTES
                    + PacketDescriptor.IPV6_BYTES
                    + PacketDescriptor.UDP_BYTES;

    private static final int TRAFFIC_SHIFT = 20;

    private PacketHeaders() {}

    static void ethernet(MemorySegment memory, long frame, long to, long from, int type) {
        Bytes.putMac(memory, frame + PacketDescriptor.ETHERNET_TO, to);
        Bytes.putMac(memory, frame + PacketDescriptor.ETHERNET_FROM, from);
        Bytes.putShort(memory, frame + PacketDescriptor.ETHERNET_TYPE, type);
    }

    /** IPv4 without options, not to be cut, with its sum. */
    static void ipv4(
            MemorySegment memory,
            long frame,
            int source,
            int destination,
            int protocol,
            int payloadBytes,
            int timeToLive,
            int traffic) {
        int first = PacketDescriptor.IPV4_FIRST_WORD << Byte.SIZE | traffic;
        Bytes.putShort(memory, frame + PacketDescriptor.IPV4, first);
        Bytes.putShort(
                memory,
                frame + PacketDescriptor.IPV4_LENGTH,
                PacketDescriptor.IPV4_BYTES + payloadBytes);
        // No identification: what is never cut needs none (RFC 6864, section 4.1).
        Bytes.putInt(
                memory,
                frame + PacketDescriptor.IPV4_LENGTH + Short.BYTES,
                PacketDescriptor.IPV4_DO_NOT_CUT);
        Bytes.putByte(memory, frame + PacketDescriptor.IPV4_TTL, timeToLive);
        Bytes.putByte(memory, frame + PacketDescriptor.IPV4_PROTOCOL, protocol);
        Bytes.putShort(memory, frame + PacketDescriptor.IPV4_SUM, 0);
        Bytes.putInt(memory, frame + PacketDescriptor.IPV4_SOURCE, source);
        Bytes.putInt(memory, frame + PacketDescriptor.IPV4_DESTINATION, destination);
        int sum =
                InternetSum.add(
                        0, memory, frame + PacketDescriptor.IPV4, PacketDescriptor.IPV4_BYTES);
        Bytes.putShort(memory, frame + PacketDescriptor.IPV4_SUM, InternetSum.stored(sum));
    }

    static void ipv6(
            MemorySegment memory,
            long frame,
            Address source,
            Address destination,
            int protocol,
            int payloadBytes,
            int hopLimit,
            int traffic) {
        Bytes.putInt(
                memory,
                frame + PacketDescriptor.IPV6,
                PacketDescriptor.IPV6_FIRST_WORD | traffic << TRAFFIC_SHIFT);
        Bytes.putShort(memory, frame + PacketDescriptor.IPV6_PAYLOAD_LENGTH, payloadBytes);
        Bytes.putByte(memory, frame + PacketDescriptor.IPV6_NEXT_HEADER, protocol);
        Bytes.putByte(memory, frame + PacketDescriptor.IPV6_HOP_LIMIT, hopLimit);
        source.write(memory, frame + PacketDescriptor.IPV6_SOURCE);
        destination.write(memory, frame + PacketDescriptor.IPV6_DESTINATION);
    }

    /** The sum of the pseudo header of a packet whose IP header stands there. */
    static int pseudo(
            MemorySegment memory, long frame, boolean isIpv6, int protocol, int lengthBytes) {
        return isIpv6
                ? InternetSum.pseudoHeaderIpv6(
                        memory, frame + PacketDescriptor.IPV6_SOURCE, protocol, lengthBytes)
                : InternetSum.pseudoHeader(
                        Bytes.i32(memory, frame + PacketDescriptor.IPV4_SOURCE),
                        Bytes.i32(memory, frame + PacketDescriptor.IPV4_DESTINATION),
                        protocol,
                        lengthBytes);
    }
}
