package dev.outboard.virtio;

/** Feature bits (VIRTIO 1.2, sections 6, 5.1.3 and 5.2.3), as masks. */
public final class VirtioFeatures {
    /** The device sums what it is sent with a partial checksum. */
    public static final long NET_CSUM = 1L;

    /** The driver takes frames with a partial checksum. */
    public static final long NET_GUEST_CSUM = 1L << 1;

    /** What the driver takes can be changed while it runs, by the control queue. */
    public static final long NET_CTRL_GUEST_OFFLOADS = 1L << 2;

    /** The device gives its largest MTU. */
    public static final long NET_MTU = 1L << 3;

    /** The device gives its MAC address. */
    public static final long NET_MAC = 1L << 5;

    /** The driver takes unsegmented TCP over IPv4. */
    public static final long NET_GUEST_TSO4 = 1L << 7;

    /** The driver takes unsegmented TCP over IPv6. */
    public static final long NET_GUEST_TSO6 = 1L << 8;

    /** The driver takes unsegmented TCP with ECN. */
    public static final long NET_GUEST_ECN = 1L << 9;

    /** The device cuts TCP over IPv4. */
    public static final long NET_HOST_TSO4 = 1L << 11;

    /** The device cuts TCP over IPv6. */
    public static final long NET_HOST_TSO6 = 1L << 12;

    /** The device cuts TCP with ECN. */
    public static final long NET_HOST_ECN = 1L << 13;

    /** A received frame may span several buffers. */
    public static final long NET_MRG_RXBUF = 1L << 15;

    /** The configuration has a status field. */
    public static final long NET_STATUS = 1L << 16;

    /** There is a control queue. */
    public static final long NET_CTRL_VQ = 1L << 17;

    /** The control queue sets which frames are received. */
    public static final long NET_CTRL_RX = 1L << 18;

    /** The control queue sets which VLANs are received. */
    public static final long NET_CTRL_VLAN = 1L << 19;

    /** The control queue sets which frames are received, in more ways. */
    public static final long NET_CTRL_RX_EXTRA = 1L << 20;

    /** The device may ask the driver to announce itself. */
    public static final long NET_GUEST_ANNOUNCE = 1L << 21;

    /** There are several pairs of queues. */
    public static final long NET_MQ = 1L << 22;

    /** The control queue sets the MAC address. */
    public static final long NET_CTRL_MAC_ADDR = 1L << 23;

    /** The driver takes unsegmented UDP over IPv4. */
    public static final long NET_GUEST_USO4 = 1L << 54;

    /** The driver takes unsegmented UDP over IPv6. */
    public static final long NET_GUEST_USO6 = 1L << 55;

    /** The device cuts UDP. */
    public static final long NET_HOST_USO = 1L << 56;

    /** The device reports the hash of a received frame. */
    public static final long NET_HASH_REPORT = 1L << 57;

    /** The device spreads received frames by their hash. */
    public static final long NET_RSS = 1L << 60;

    /** The largest segment of a block request is given. */
    public static final long BLK_SIZE_MAX = 1L << 1;

    /** The most segments of a block request are given. */
    public static final long BLK_SEG_MAX = 1L << 2;

    /** The disk is read-only. */
    public static final long BLK_RO = 1L << 5;

    /** The block size is given. */
    public static final long BLK_BLK_SIZE = 1L << 6;

    /** The disk has a write cache and can flush it. */
    public static final long BLK_FLUSH = 1L << 9;

    /** The disk has several queues, and says how many. */
    public static final long BLK_MQ = 1L << 12;

    /** Descriptors may point to tables of descriptors. */
    public static final long RING_INDIRECT_DESC = 1L << 28;

    /** Each side says at which index it wants to be told. */
    public static final long RING_EVENT_IDX = 1L << 29;

    /** The device speaks virtio 1.0 or later. */
    public static final long VERSION_1 = 1L << 32;

    /** Addresses are IOVAs: an IOMMU stands before the device. */
    public static final long ACCESS_PLATFORM = 1L << 33;

    /** The device offers packed rings. */
    public static final long RING_PACKED = 1L << 34;

    /** The device uses buffers in the order in which they were made available. */
    public static final long IN_ORDER = 1L << 35;

    /** Type of a network device (section 5). */
    public static final int TYPE_NETWORK = 1;

    /** Type of a block device (section 5). */
    public static final int TYPE_BLOCK = 2;

    private VirtioFeatures() {}
}
