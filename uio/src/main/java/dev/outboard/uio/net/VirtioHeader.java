package dev.outboard.uio.net;

/**
 * What stands before a frame of a TAP interface, and before a packet of AF_XDP's or a packet
 * socket's that asks for it: {@code struct virtio_net_hdr_mrg_rxbuf}, little-endian (VIRTIO 1.2,
 * section 5.1.6).
 *
 * <pre>
 *   0       1          2        4          6           8             10          12
 *   +-------+----------+--------+----------+-----------+-------------+-----------+
 *   | flags | GSO type | headers| GSO size | sum start | sum offset  | buffers   |
 *   +-------+----------+--------+----------+-----------+-------------+-----------+
 * </pre>
 */
public final class VirtioHeader {
    public static final int FLAGS_OFFSET = 0;
    public static final int GSO_TYPE_OFFSET = 1;
    public static final int HEADERS_OFFSET = 2;
    public static final int GSO_SIZE_OFFSET = 4;
    public static final int SUM_START_OFFSET = 6;
    public static final int SUM_OFFSET_OFFSET = 8;
    public static final int BUFFERS_OFFSET = 10;
    public static final int SIZE_BYTES = 12;

    /** The sum from start on is left to be done. */
    public static final int NEEDS_SUM = 1;

    /** The sums were looked at, and are right. */
    public static final int SUM_VALID = 2;

    public static final int GSO_NONE = 0;
    public static final int GSO_TCP_IPV4 = 1;
    public static final int GSO_UDP = 3;
    public static final int GSO_TCP_IPV6 = 4;
    public static final int GSO_UDP_SEGMENTS = 5;

    /** With a type of TCP: a segment may carry congestion bits. */
    public static final int GSO_ECN = 0x80;

    private VirtioHeader() {}
}
