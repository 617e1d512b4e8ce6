package dev.outboard.virtio;

/**
 * Layout of the network device: the header before each frame, and its configuration space (VIRTIO
 * 1.2, sections 5.1.6 and 5.1.4).
 *
 * <pre>
 *   0       1          2         4          6            8             10           12
 *   +-------+----------+---------+----------+------------+-------------+------------+
 *   | flags | gso type | hdr len | gso size | csum start | csum offset | buffers    |
 *   +-------+----------+---------+----------+------------+-------------+------------+
 * </pre>
 */
public final class NetDescriptor {
    /** Size of the header of a version 1 device in bytes. */
    public static final int HEADER_BYTES = 12;

    /** Offset of the flags: 8 bits. */
    public static final int HEADER_FLAGS_OFFSET = 0;

    /** Offset of the segmentation's type: 8 bits. */
    public static final int HEADER_GSO_TYPE_OFFSET = 1;

    /** Offset of the length of all headers: 16 bits, a hint. */
    public static final int HEADER_LENGTH_OFFSET = 2;

    /** Offset of the most payload of a segment: 16 bits. */
    public static final int HEADER_GSO_SIZE_OFFSET = 4;

    /** Offset of where the sum begins, in the frame: 16 bits. */
    public static final int HEADER_CSUM_START_OFFSET = 6;

    /** Offset of where behind that the sum is stored: 16 bits. */
    public static final int HEADER_CSUM_OFFSET_OFFSET = 8;

    /** In the flags: the frame has a sum of the pseudo header only. */
    public static final int FLAG_NEEDS_CSUM = 1;

    /** In the flags: a device has seen that the sums are right. */
    public static final int FLAG_DATA_VALID = 2;

    /** Segmentation's type: none. */
    public static final int GSO_NONE = 0;

    /** Segmentation's type: TCP over IPv4. */
    public static final int GSO_TCPV4 = 1;

    /** Segmentation's type: TCP over IPv6. */
    public static final int GSO_TCPV6 = 4;

    /** Segmentation's type: UDP, each segment a datagram. */
    public static final int GSO_UDP_L4 = 5;

    /** In the segmentation's type: TCP with ECN. */
    public static final int GSO_ECN = 0x80;

    /** Offset of the number of buffers a received frame spans: 16 bits. */
    public static final int HEADER_BUFFERS_OFFSET = 10;

    /** In configuration space, the MAC address: 6 bytes. */
    public static final int CONFIG_MAC_OFFSET = 0;

    /** In configuration space, the status: 16 bits. */
    public static final int CONFIG_STATUS_OFFSET = 6;

    /** In configuration space, the most queue pairs: 16 bits. */
    public static final int CONFIG_PAIRS_OFFSET = 8;

    /** In configuration space, the largest MTU: 16 bits. */
    public static final int CONFIG_MTU_OFFSET = 10;

    /** Size of the configuration space up to and with the MTU. */
    public static final int CONFIG_BYTES = 12;

    /** In the status: the link is up. */
    public static final int STATUS_LINK_UP = 1;

    /** In the status: the device asks the driver to announce itself. */
    public static final int STATUS_ANNOUNCE = 2;

    /** Bytes of an Ethernet header. */
    public static final int ETHERNET_HEADER_BYTES = 14;

    /** The MTU where the device gives none. */
    public static final int DEFAULT_MTU_BYTES = 1500;

    private NetDescriptor() {}

    /** The receive queue of a pair (section 5.1.2). */
    public static int receiveQueue(int pair) {
        return 2 * pair;
    }

    /** The transmit queue of a pair (section 5.1.2). */
    public static int transmitQueue(int pair) {
        return 2 * pair + 1;
    }
}
