package dev.outboard.clients;

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
 *   ICMP      behind IPv4: 0 type, 1 code, 2 sum, 4 identifier, 6 number, 8 data
 *   UDP       behind IPv4: 0 from port, 2 to port, 4 length, 6 sum, 8 data
 * </pre>
 *
 * <p>Source: RFC 826, 791, 792, 768.
 */
final class PacketDescriptor {
    static final int MAC_BYTES = 6;
    static final int ETHERNET_TO = 0;
    static final int ETHERNET_FROM = 6;
    static final int ETHERNET_TYPE = 12;
    static final int ETHERNET_BYTES = 14;
    static final int LEAST_FRAME_BYTES = 60;

    static final int TYPE_IPV4 = 0x0800;
    static final int TYPE_ARP = 0x0806;

    /** Ethernet, IPv4, addresses of 6 and 4 bytes. */
    static final long ARP_KINDS = 0x0001_0800_0604L;

    static final int ARP_HARDWARE = 14;
    static final int ARP_PROTOCOL = 16;
    static final int ARP_OPERATION = 20;
    static final int ARP_OWN_MAC = 22;
    static final int ARP_OWN_ADDRESS = 28;
    static final int ARP_OTHER_MAC = 32;
    static final int ARP_OTHER_ADDRESS = 38;
    static final int ARP_END = 42;
    static final int ARP_REQUEST = 1;
    static final int ARP_REPLY = 2;

    static final int IPV4 = 14;
    static final int IPV4_LENGTH = 16;
    static final int IPV4_FRAGMENT = 20;
    static final int IPV4_TTL = 22;
    static final int IPV4_PROTOCOL = 23;
    static final int IPV4_SUM = 24;
    static final int IPV4_SOURCE = 26;
    static final int IPV4_DESTINATION = 30;
    static final int IPV4_BYTES = 20;
    static final int IPV4_FIRST_WORD = 0x45;
    static final int IPV4_DO_NOT_CUT = 0x4000;

    /** More pieces follow, or this is not the first. */
    static final int IPV4_PIECE = 0x3fff;

    static final int PROTOCOL_ICMP = 1;
    static final int PROTOCOL_UDP = 17;

    static final int ICMP_SUM = 2;
    static final int ICMP_ID = 4;
    static final int ICMP_NUMBER = 6;
    static final int ICMP_BYTES = 8;
    static final int ICMP_ECHO = 8;
    static final int ICMP_ECHO_REPLY = 0;

    static final int UDP_TO = 2;
    static final int UDP_LENGTH = 4;
    static final int UDP_SUM = 6;
    static final int UDP_BYTES = 8;

    private PacketDescriptor() {}
}
