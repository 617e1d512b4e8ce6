package dev.outboard.netty;

import dev.outboard.driver.net.FrameOffload;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.internet.InternetSum;
import dev.outboard.internet.PacketDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Answers pings of ICMP and ICMPv6. Owned by the event loop; nothing allocates for IPv4. */
final class EchoResponder {
    private static final int TTL = 64;

    private final FrameOutput output;
    private final Route route;
    private final Counters counters;

    EchoResponder(FrameOutput output, Route route, Counters counters) {
        this.output = output;
        this.route = route;
        this.counters = counters;
    }

    /** Answers a request whose sum is right. */
    void ipv4(MemorySegment memory, long frame, long message, int lengthBytes, int to) {
        int start = PacketDescriptor.ETHERNET_BYTES + PacketDescriptor.IPV4_BYTES;
        int buffer = begin(memory, message, lengthBytes, start);
        if (buffer == TransmitQueue.NONE) {
            return;
        }
        var out = output.memory();
        long answer = output.offset(buffer);
        long mac = Bytes.mac(memory, frame + PacketDescriptor.ETHERNET_FROM);
        PacketHeaders.ethernet(out, answer, mac, route.mac(), PacketDescriptor.TYPE_IPV4);
        PacketHeaders.ipv4(
                out,
                answer,
                route.own4().ipv4(),
                to,
                PacketDescriptor.PROTOCOL_ICMP,
                lengthBytes,
                TTL,
                0);
        end(out, answer, start, lengthBytes, PacketDescriptor.ICMP_ECHO_REPLY, 0);
        output.commit(buffer, answer, start + lengthBytes, FrameOffload.NONE);
    }

    /** The same of IPv6. */
    void ipv6(
            MemorySegment memory,
            long frame,
            long message,
            int lengthBytes,
            Address from,
            Address to) {
        int start = PacketDescriptor.ETHERNET_BYTES + PacketDescriptor.IPV6_BYTES;
        int buffer = begin(memory, message, lengthBytes, start);
        if (buffer == TransmitQueue.NONE) {
            return;
        }
        var out = output.memory();
        long answer = output.offset(buffer);
        long mac = Bytes.mac(memory, frame + PacketDescriptor.ETHERNET_FROM);
        PacketHeaders.ethernet(out, answer, mac, route.mac(), PacketDescriptor.TYPE_IPV6);
        PacketHeaders.ipv6(
                out, answer, from, to, PacketDescriptor.PROTOCOL_ICMPV6, lengthBytes, TTL, 0);
        int pseudo =
                PacketHeaders.pseudo(
                        out, answer, true, PacketDescriptor.PROTOCOL_ICMPV6, lengthBytes);
        end(out, answer, start, lengthBytes, PacketDescriptor.ICMPV6_ECHO_REPLY, pseudo);
        output.commit(buffer, answer, start + lengthBytes, FrameOffload.NONE);
    }

    private int begin(MemorySegment memory, long message, int lengthBytes, int start) {
        int buffer =
                start + lengthBytes > output.capacityBytes() ? TransmitQueue.NONE : output.claim();
        if (buffer == TransmitQueue.NONE) {
            counters.unanswered.increment();
            return buffer;
        }
        MemorySegment.copy(
                memory,
                ValueLayout.JAVA_BYTE,
                message,
                output.memory(),
                ValueLayout.JAVA_BYTE,
                output.offset(buffer) + start,
                lengthBytes);
        return buffer;
    }

    private static void end(
            MemorySegment out, long answer, int start, int lengthBytes, int type, int pseudo) {
        long message = answer + start;
        // Type, code and no sum.
        Bytes.putInt(out, message, type << 24);
        int sum = InternetSum.add(pseudo, out, message, lengthBytes);
        Bytes.putShort(out, message + PacketDescriptor.ICMP_SUM, InternetSum.stored(sum));
    }
}
