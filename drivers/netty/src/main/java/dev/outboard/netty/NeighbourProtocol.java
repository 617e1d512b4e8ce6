package dev.outboard.netty;

import dev.outboard.driver.net.FrameOffload;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.internet.InternetSum;
import dev.outboard.internet.PacketDescriptor;
import java.lang.foreign.MemorySegment;

/**
 * Finds neighbours and lets itself be found: ARP (RFC 826) for IPv4, neighbour discovery (RFC 4861)
 * for IPv6. Owned by the event loop.
 */
final class NeighbourProtocol {
    private static final long EVERYONE = 0xffff_ffff_ffffL;
    private static final long GROUP_BIT = 1L << 40;

    private final FrameOutput output;
    private final Route route;
    private final NeighbourTable neighbours;
    private final Counters counters;

    NeighbourProtocol(
            FrameOutput output, Route route, NeighbourTable neighbours, Counters counters) {
        this.output = output;
        this.route = route;
        this.neighbours = neighbours;
        this.counters = counters;
    }

    /** Asks for a neighbour's MAC address: itself where it was known, else everybody. */
    void ask(Neighbour neighbour) {
        if (neighbour.address().isIpv6()) {
            solicit(neighbour.address(), neighbour.mac());
        } else {
            long to = neighbour.mac() < 0 ? EVERYONE : neighbour.mac();
            sendArp(PacketDescriptor.ARP_REQUEST, to, 0, neighbour.address().ipv4());
        }
    }

    /** Tells everybody where this interface is: at its start, and when the device asks for it. */
    void announce() {
        if (route.own4() != null) {
            sendArp(PacketDescriptor.ARP_REQUEST, EVERYONE, 0, route.own4().ipv4());
        }
    }

    private void sendArp(int operation, long to, long otherMac, int other) {
        int buffer = output.claim();
        if (buffer == TransmitQueue.NONE) {
            counters.unanswered.increment();
            return;
        }
        var memory = output.memory();
        long frame = output.offset(buffer);
        PacketHeaders.ethernet(memory, frame, to, route.mac(), PacketDescriptor.TYPE_ARP);
        Bytes.putLong(
                memory,
                frame + PacketDescriptor.ARP_HARDWARE,
                PacketDescriptor.ARP_KINDS << Short.SIZE | operation);
        Bytes.putMac(memory, frame + PacketDescriptor.ARP_OWN_MAC, route.mac());
        Bytes.putInt(memory, frame + PacketDescriptor.ARP_OWN_ADDRESS, route.own4().ipv4());
        Bytes.putMac(memory, frame + PacketDescriptor.ARP_OTHER_MAC, otherMac);
        Bytes.putInt(memory, frame + PacketDescriptor.ARP_OTHER_ADDRESS, other);
        output.commit(buffer, frame, PacketDescriptor.ARP_END, FrameOffload.NONE);
    }

    /** A frame of ARP came; whether it was whole and for this interface. */
    boolean arp(MemorySegment memory, long frame, int lengthBytes) {
        if (lengthBytes < PacketDescriptor.ARP_END || route.own4() == null) {
            return false;
        }
        long kinds = Bytes.i64(memory, frame + PacketDescriptor.ARP_HARDWARE);
        long fromMac = Bytes.mac(memory, frame + PacketDescriptor.ARP_OWN_MAC);
        int from = Bytes.i32(memory, frame + PacketDescriptor.ARP_OWN_ADDRESS);
        int wanted = Bytes.i32(memory, frame + PacketDescriptor.ARP_OTHER_ADDRESS);
        if (kinds >>> Short.SIZE != PacketDescriptor.ARP_KINDS
                || (fromMac & GROUP_BIT) != 0
                || route.isOwn4(from)) {
            return false;
        }
        boolean isForUs = route.isOwn4(wanted);
        int operation = (int) kinds & 0xffff;
        var sender = Address.ipv4(from);
        if (operation == PacketDescriptor.ARP_REQUEST && isForUs) {
            learn(neighbours.asker(sender), fromMac);
            sendArp(PacketDescriptor.ARP_REPLY, fromMac, fromMac, from);
            return true;
        }
        // What nobody asked for is not believed, but for who is talked to and has moved.
        var known = neighbours.known(sender);
        boolean isTold = isForUs || from == wanted;
        if (known != null && isTold) {
            learn(known, fromMac);
        }
        return isTold;
    }

    private static void learn(Neighbour neighbour, long mac) {
        if (neighbour != null) {
            neighbour.found(mac, System.nanoTime());
        }
    }

    private void solicit(Address wanted, long knownMac) {
        var to = knownMac < 0 ? wanted.solicitedNode() : wanted;
        long mac = knownMac < 0 ? to.groupMac() : knownMac;
        sendNdp(
                PacketDescriptor.NDP_SOLICITATION,
                mac,
                to,
                route.ownFor(wanted),
                0,
                wanted,
                PacketDescriptor.NDP_OPTION_SOURCE_MAC);
    }

    private void sendNdp(
            int type, long mac, Address to, Address from, int flags, Address target, int option) {
        int buffer = output.claim();
        if (buffer == TransmitQueue.NONE) {
            counters.unanswered.increment();
            return;
        }
        var memory = output.memory();
        long frame = output.offset(buffer);
        int start = PacketDescriptor.ETHERNET_BYTES + PacketDescriptor.IPV6_BYTES;
        long message = frame + start;
        PacketHeaders.ethernet(memory, frame, mac, route.mac(), PacketDescriptor.TYPE_IPV6);
        PacketHeaders.ipv6(
                memory,
                frame,
                from,
                to,
                PacketDescriptor.PROTOCOL_ICMPV6,
                PacketDescriptor.NDP_BYTES,
                PacketDescriptor.NDP_HOP_LIMIT,
                0);
        Bytes.putInt(memory, message, type << 24);
        Bytes.putInt(memory, message + PacketDescriptor.NDP_FLAGS, flags);
        target.write(memory, message + PacketDescriptor.NDP_TARGET);
        // One unit of eight bytes: kind, length, MAC address.
        Bytes.putShort(memory, message + PacketDescriptor.NDP_OPTIONS, option << Byte.SIZE | 1);
        Bytes.putMac(memory, message + PacketDescriptor.NDP_OPTIONS + Short.BYTES, route.mac());
        int pseudo =
                PacketHeaders.pseudo(
                        memory,
                        frame,
                        true,
                        PacketDescriptor.PROTOCOL_ICMPV6,
                        PacketDescriptor.NDP_BYTES);
        int sum = InternetSum.add(pseudo, memory, message, PacketDescriptor.NDP_BYTES);
        Bytes.putShort(memory, message + PacketDescriptor.ICMP_SUM, InternetSum.stored(sum));
        output.commit(buffer, frame, start + PacketDescriptor.NDP_BYTES, FrameOffload.NONE);
    }

    /**
     * A message of neighbour discovery came, whose sum is right.
     *
     * @param message where ICMPv6 begins
     * @return whether it was one, and whole (RFC 4861, section 7.1)
     */
    boolean ndp(MemorySegment memory, long frame, long message, int lengthBytes, int type) {
        int hopLimit = Bytes.u8(memory, frame + PacketDescriptor.IPV6_HOP_LIMIT);
        int code = Bytes.u8(memory, message + 1);
        if (hopLimit != PacketDescriptor.NDP_HOP_LIMIT
                || code != 0
                || lengthBytes < PacketDescriptor.NDP_OPTIONS) {
            return false;
        }
        var source = Address.ipv6(memory, frame + PacketDescriptor.IPV6_SOURCE);
        var target = Address.ipv6(memory, message + PacketDescriptor.NDP_TARGET);
        return type == PacketDescriptor.NDP_SOLICITATION
                ? solicited(memory, frame, message, lengthBytes, source, target)
                : advertised(memory, message, lengthBytes, target);
    }

    private boolean solicited(
            MemorySegment memory,
            long frame,
            long message,
            int lengthBytes,
            Address source,
            Address target) {
        if (!route.isOwn(target)) {
            return false;
        }
        long told = option(memory, message, lengthBytes, PacketDescriptor.NDP_OPTION_SOURCE_MAC);
        boolean isProbe = source.isUnspecified();
        if (!isProbe && told >= 0) {
            learn(neighbours.asker(source), told);
        }
        // Who has no address yet is answered with all that listen.
        var to = isProbe ? Address.ALL_NODES : source;
        long mac =
                isProbe
                        ? to.groupMac()
                        : told >= 0
                                ? told
                                : Bytes.mac(memory, frame + PacketDescriptor.ETHERNET_FROM);
        sendNdp(
                PacketDescriptor.NDP_ADVERTISEMENT,
                mac,
                to,
                target,
                PacketDescriptor.NDP_OVERRIDE | (isProbe ? 0 : PacketDescriptor.NDP_SOLICITED),
                target,
                PacketDescriptor.NDP_OPTION_TARGET_MAC);
        return true;
    }

    private boolean advertised(
            MemorySegment memory, long message, int lengthBytes, Address target) {
        long told = option(memory, message, lengthBytes, PacketDescriptor.NDP_OPTION_TARGET_MAC);
        var known = neighbours.known(target);
        if (told < 0 || known == null) {
            return false;
        }
        boolean mayReplace =
                (Bytes.i32(memory, message + PacketDescriptor.NDP_FLAGS)
                                & PacketDescriptor.NDP_OVERRIDE)
                        != 0;
        if (known.mac() < 0 || mayReplace || known.mac() == told) {
            learn(known, told);
        }
        return true;
    }

    /** The MAC address in an option; -1 where there is none, or the options are not whole. */
    private static long option(MemorySegment memory, long message, int lengthBytes, int wanted) {
        int at = PacketDescriptor.NDP_OPTIONS;
        while (at + Long.BYTES <= lengthBytes) {
            int kind = Bytes.u8(memory, message + at);
            int bytes = Bytes.u8(memory, message + at + 1) * Long.BYTES;
            if (bytes == 0 || at + bytes > lengthBytes) {
                return -1;
            }
            if (kind == wanted && bytes == Long.BYTES) {
                long mac = Bytes.mac(memory, message + at + 2);
                return (mac & GROUP_BIT) != 0 ? -1 : mac;
            }
            at += bytes;
        }
        return -1;
    }
}
