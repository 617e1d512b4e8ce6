package dev.outboard.virtio;

/**
 * Layout of the block device: requests and configuration space (VIRTIO 1.2, sections 5.2.6 and
 * 5.2.4).
 *
 * <pre>
 *   read by the device                     either way        written by the device
 *   0      4          8         16
 *   +------+----------+---------+          +------...------+ +--------+
 *   | type | reserved | sector  |          | data          | | status |
 *   +------+----------+---------+          +------...------+ +--------+
 * </pre>
 */
public final class BlockDescriptor {
    /** Size of a request's header in bytes. */
    public static final int HEADER_BYTES = 16;

    /** Offset of the type in the header: 32 bits. */
    public static final int HEADER_TYPE_OFFSET = 0;

    /** Offset of the first sector in the header: 64 bits. */
    public static final int HEADER_SECTOR_OFFSET = 8;

    /** Size of the status in bytes. */
    public static final int STATUS_BYTES = 1;

    /** Request: read. */
    public static final int TYPE_IN = 0;

    /** Request: write. */
    public static final int TYPE_OUT = 1;

    /** Request: flush the write cache. */
    public static final int TYPE_FLUSH = 4;

    /** Request: give the disk's identity, 20 bytes. */
    public static final int TYPE_GET_ID = 8;

    /** Size of the identity in bytes. */
    public static final int IDENTITY_BYTES = 20;

    /** The unit of sectors and of the capacity, in bytes. */
    public static final int SECTOR_BYTES = 512;

    /** In configuration space, the capacity in sectors: 64 bits. */
    public static final int CONFIG_CAPACITY_OFFSET = 0;

    /** In configuration space, the largest segment in bytes: 32 bits. */
    public static final int CONFIG_SIZE_MAX_OFFSET = 8;

    /** In configuration space, the most segments of a request: 32 bits. */
    public static final int CONFIG_SEG_MAX_OFFSET = 12;

    /** In configuration space, the block size in bytes: 32 bits. */
    public static final int CONFIG_BLK_SIZE_OFFSET = 20;

    /** In configuration space, the number of queues: 16 bits. */
    public static final int CONFIG_NUM_QUEUES_OFFSET = 34;

    /** Size of the configuration space up to and with write zeroes. */
    public static final int CONFIG_BYTES = 60;

    private BlockDescriptor() {}
}
