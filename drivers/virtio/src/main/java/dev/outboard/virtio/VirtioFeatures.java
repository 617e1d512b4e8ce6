package dev.outboard.virtio;

/** Feature bits (VIRTIO 1.2, sections 6, 5.1.3 and 5.2.3), as masks. */
public final class VirtioFeatures {
    /** The device's checksum offload on transmit. */
    public static final long NET_CSUM = 1L;

    /** The device gives its largest MTU. */
    public static final long NET_MTU = 1L << 3;

    /** The device gives its MAC address. */
    public static final long NET_MAC = 1L << 5;

    /** A received frame may span several buffers. */
    public static final long NET_MRG_RXBUF = 1L << 15;

    /** The configuration has a status field. */
    public static final long NET_STATUS = 1L << 16;

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

    /** Type of a network device (section 5). */
    public static final int TYPE_NETWORK = 1;

    /** Type of a block device (section 5). */
    public static final int TYPE_BLOCK = 2;

    private VirtioFeatures() {}
}
