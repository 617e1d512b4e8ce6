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
