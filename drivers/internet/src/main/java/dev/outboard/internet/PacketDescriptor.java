package dev.outboard.internet;

/**
 * Layouts of the packets that are spoken here. Everything is big-endian; offsets are from the
 * beginning of the frame.
 *
 * <pre>
 *   Ethernet  0 to, 6 from, 12 type
 *   ARP       14 kinds and lengths u64's upper six bytes, 20 operation, 22 own MAC, 28 own IPv4,
 *             32 other's MAC, 38 other's IPv4
 *   IPv4      14 version and length, 16 total length, 20 fragment, 22 TTL, 23 protocol, 24 sum,
 *             26 source, 30 destination
 *   IPv6      14 version, 18 payload length, 20 next header, 21 hop limit, 22 source,
 *             38 destination
 *   ICMP      behind IPv4: 0 type, 1 code, 2 sum, 4 identifier, 6 number, 8 data
 *   ICMPv6    behind IPv6: 0 type, 1 code, 2 sum; an echo as ICMP's
 *   NDP       behind IPv6: 0 type, 1 code, 2 sum, 4 flags, 8 target, 24 options, each
 *             0 type, 1 length in units of 8 bytes, 2 MAC
 *   UDP       behind IPv4 or IPv6: 0 from port, 2 to port, 4 length, 6 sum, 8 data
 * </pre>
 *
 * <p>Source: RFC 826, 791, 792, 768, 8200, 4443, 4861.
 */
public final class PacketDescriptor {
    public static final int MAC_BYTES = 6;
    public static final int ETHERNET_TO = 0;
    public static final int ETHERNET_FROM = 6;
    public static final int ETHERNET_TYPE = 12;
    public static final int ETHERNET_BYTES = 14;
    public static final int LEAST_FRAME_BYTES = 60;

    public static final int TYPE_IPV4 = 0x0800;
    public static final int TYPE_ARP = 0x0806;
    public static final int TYPE_IPV6 = 0x86dd;

    /** Ethernet, IPv4, addresses of 6 and 4 bytes. */
    public static final long ARP_KINDS = 0x0001_0800_0604L;

    public static final int ARP_HARDWARE = 14;
    public static final int ARP_PROTOCOL = 16;
    public static final int ARP_OPERATION = 20;
    public static final int ARP_OWN_MAC = 22;
    public static final int ARP_OWN_ADDRESS = 28;
    public static final int ARP_OTHER_MAC = 32;
    public static final int ARP_OTHER_ADDRESS = 38;
    public static final int ARP_END = 42;
    public static final int ARP_REQUEST = 1;
    public static final int ARP_REPLY = 2;

    public static final int IPV4 = 14;
    public static final int IPV4_LENGTH = 16;
    public static final int IPV4_FRAGMENT = 20;
    public static final int IPV4_TTL = 22;
    public static final int IPV4_PROTOCOL = 23;
    public static final int IPV4_SUM = 24;
    public static final int IPV4_SOURCE = 26;
    public static final int IPV4_DESTINATION = 30;
    public static final int IPV4_BYTES = 20;
    public static final int IPV4_FIRST_WORD = 0x45;
    public static final int IPV4_DO_NOT_CUT = 0x4000;

    /** More pieces follow, or this is not the first. */
    public static final int IPV4_PIECE = 0x3fff;

    public static final int IPV6 = 14;
    public static final int IPV6_PAYLOAD_LENGTH = 18;
    public static final int IPV6_NEXT_HEADER = 20;
    public static final int IPV6_HOP_LIMIT = 21;
    public static final int IPV6_SOURCE = 22;
    public static final int IPV6_DESTINATION = 38;
    public static final int IPV6_BYTES = 40;
    public static final int IPV6_ADDRESS_BYTES = 16;
    public static final int IPV6_FIRST_WORD = 0x6000_0000;

    /**
     * Options for every hop, and for the last: skipped, 0 next header, 1 length less 8 in eights.
     */
    public static final int IPV6_HOP_OPTIONS = 0;

    public static final int IPV6_DESTINATION_OPTIONS = 60;
    public static final int IPV6_PIECE = 44;

    public static final int PROTOCOL_ICMP = 1;
    public static final int PROTOCOL_UDP = 17;
    public static final int PROTOCOL_ICMPV6 = 58;

    public static final int ICMP_SUM = 2;
    public static final int ICMP_ID = 4;
    public static final int ICMP_NUMBER = 6;
    public static final int ICMP_BYTES = 8;
    public static final int ICMP_ECHO = 8;
    public static final int ICMP_ECHO_REPLY = 0;

    public static final int ICMPV6_ECHO = 128;
    public static final int ICMPV6_ECHO_REPLY = 129;
    public static final int NDP_SOLICITATION = 135;
    public static final int NDP_ADVERTISEMENT = 136;
    public static final int NDP_FLAGS = 4;
    public static final int NDP_TARGET = 8;
    public static final int NDP_OPTIONS = 24;
    public static final int NDP_OPTION_SOURCE_MAC = 1;
    public static final int NDP_OPTION_TARGET_MAC = 2;

    /** A message with one MAC. */
    public static final int NDP_BYTES = 32;

    /** In an advertisement: it was asked for, and it overrides what was known. */
    public static final int NDP_SOLICITED = 0x4000_0000;

    public static final int NDP_OVERRIDE = 0x2000_0000;

    /** What a neighbour sends has never crossed a router. */
    public static final int NDP_HOP_LIMIT = 255;

    public static final int UDP_TO = 2;
    public static final int UDP_LENGTH = 4;
    public static final int UDP_SUM = 6;
    public static final int UDP_BYTES = 8;

    private PacketDescriptor() {}
}
