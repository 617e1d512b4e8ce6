package dev.outboard.perf.traffic;

import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The layout of a frame that counts: Ethernet, IPv4 and UDP (RFC 768, 791), then what it is counted
 * by. Big-endian; offsets are from the start of the frame.
 *
 * <pre>
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +---------------------------------------------------------------+
 * 0 | Ethernet: destination 6, source 6, type 0x0800                |
 * 14| IPv4: 20 bytes without options, protocol 17                   |
 * 34| UDP: from port 9000 + flow, to port 9, length, sum            |
 *   +---------------------------------------------------------------+
 * 42|                      mark = "obTR"                            |
 *   +---------------------------------------------------------------+
 * 46|                  number in its flow, 64 bits                  |
 *   +---------------------------------------------------------------+
 * 54|             CLOCK_MONOTONIC in nanoseconds, 64 bits           |
 *   +-------------------------------+-------------------------------+
 * 62|            session            |  zero, to the frame's end     …
 *   +-------------------------------+-------------------------------+
 * </pre>
 */
final class TrafficDescriptor {
    static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    static final ValueLayout.OfInt INT =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    static final ValueLayout.OfLong LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    static final int ADDRESS_BYTES = 6;
    static final int ETHERNET_BYTES = 14;

    static final int DESTINATION = 0;
    static final int SOURCE = DESTINATION + ADDRESS_BYTES;
    static final int ETHER_TYPE = SOURCE + ADDRESS_BYTES;

    static final int IPV4 = ETHER_TYPE + Short.BYTES;
    static final int IPV4_LENGTH = IPV4 + 2;
    static final int IPV4_FRAGMENT = IPV4 + 6;
    static final int IPV4_TTL = IPV4 + 8;
    static final int IPV4_PROTOCOL = IPV4 + 9;
    static final int IPV4_SUM = IPV4 + 10;
    static final int IPV4_FROM = IPV4 + 12;
    static final int IPV4_TO = IPV4 + 16;

    static final int UDP = IPV4 + 20;
    static final int UDP_TO_PORT = UDP + 2;
    static final int UDP_LENGTH = UDP + 4;
    static final int UDP_SUM = UDP + 6;

    static final int MARK = UDP + 8;
    static final int NUMBER = MARK + Integer.BYTES;
    static final int STAMP = NUMBER + Long.BYTES;
    static final int SESSION = STAMP + Long.BYTES;
    static final int LEAST_BYTES = SESSION + Short.BYTES;

    static final short ETHER_TYPE_IPV4 = 0x0800;
    static final byte IPV4_FIRST_BYTE = 0x45;
    static final short IPV4_DO_NOT_CUT = 0x4000;
    static final byte TTL = 64;
    static final byte PROTOCOL_UDP = 17;

    /** Discard (RFC 863): a host that gets such a frame does nothing with it. */
    static final short TO_PORT = 9;

    static final int FROM_PORT = 9000;

    /** 198.18.0.1 and 198.18.0.2: addresses for benchmarks (RFC 2544, RFC 6890). */
    static final int FROM_ADDRESS = 0xC612_0001;

    static final int TO_ADDRESS = 0xC612_0002;

    /** "obTR". */
    static final int MARK_VALUE = 0x6F62_5452;

    static final int MOST_FLOWS = 1024;

    private TrafficDescriptor() {}
}
