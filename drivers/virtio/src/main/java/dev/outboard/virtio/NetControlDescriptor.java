package dev.outboard.virtio;

/**
 * Layout of the network device's control queue (VIRTIO 1.2, section 5.1.6.5).
 *
 * <pre>
 *   read by the device                     written by it
 *   0       1         2                    0
 *   +-------+---------+-----------...      +-----+
 *   | class | command | what it needs      | ack |
 *   +-------+---------+-----------...      +-----+
 * </pre>
 */
public final class NetControlDescriptor {
    /** Size of class and command in bytes. */
    public static final int HEADER_BYTES = 2;

    /** Offset of the class: 8 bits. */
    public static final int CLASS_OFFSET = 0;

    /** Offset of the command: 8 bits. */
    public static final int COMMAND_OFFSET = 1;

    /** Acknowledged: done. */
    public static final byte OK = 0;

    /** Acknowledged: not done. */
    public static final byte ERROR = 1;

    /** Class: which frames are received; each command with a byte, 0 or 1. */
    public static final int CLASS_RX = 0;

    /** Every frame. */
    public static final int RX_PROMISCUOUS = 0;

    /** Every frame to a group. */
    public static final int RX_ALL_MULTICAST = 1;

    /** Every frame to one station. */
    public static final int RX_ALL_UNICAST = 2;

    /** No frame to a group but to all. */
    public static final int RX_NO_MULTICAST = 3;

    /** No frame to one station. */
    public static final int RX_NO_UNICAST = 4;

    /** No frame to all. */
    public static final int RX_NO_BROADCAST = 5;

    /** Class: MAC addresses. */
    public static final int CLASS_MAC = 1;

    /** Two tables of addresses: 32 bits of count and 6 bytes each, stations' and groups'. */
    public static final int MAC_TABLE_SET = 0;

    /** The one address: 6 bytes. */
    public static final int MAC_ADDRESS_SET = 1;

    /** Class: VLANs; each command with 16 bits, the identifier. */
    public static final int CLASS_VLAN = 2;

    /** Frames of this VLAN are received. */
    public static final int VLAN_ADD = 0;

    /** They are no more. */
    public static final int VLAN_DELETE = 1;

    /** Class: announcing. */
    public static final int CLASS_ANNOUNCE = 3;

    /** The driver has announced itself. */
    public static final int ANNOUNCE_ACKNOWLEDGE = 0;

    /** Class: several queues. */
    public static final int CLASS_MQ = 4;

    /** So many pairs are used: 16 bits. */
    public static final int MQ_PAIRS_SET = 0;

    /** Frames are spread by their hash. */
    public static final int MQ_RSS_CONFIGURE = 1;

    /** Hashes are reported. */
    public static final int MQ_HASH_CONFIGURE = 2;

    /** Class: what the driver takes. */
    public static final int CLASS_GUEST_OFFLOADS = 5;

    /** 64 bits, of the bits of the features. */
    public static final int GUEST_OFFLOADS_SET = 0;

    private NetControlDescriptor() {}
}
