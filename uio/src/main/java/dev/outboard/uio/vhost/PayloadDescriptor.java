package dev.outboard.uio.vhost;

/**
 * The payloads, offsets from their beginning. Source: vhost-user.rst, "Payload"; {@code
 * linux/vhost_types.h} for the two vring structures.
 *
 * <pre>
 *   number          | u64 (8) |
 *   vring state     | index (4) | num (4) |
 *   vring address   | index (4) | flags (4) | descriptors (8) | used (8) | available (8) | log (8)
 *   | vring file      | u64: bits 0–7 index, bit 8 no descriptor comes with it |
 *   region          | guest address (8) | length (8) | user address (8) | file offset (8) |
 *   memory table    | count (4) | padding (4) | region … |
 *   single region   | padding (8) | region |
 *   config          | offset (4) | length (4) | flags (4) | bytes … |
 *   IOTLB           | iova (8) | length (8) | user address (8) | access (1) | type (1) | pad (6) |
 * </pre>
 */
final class PayloadDescriptor {
    static final int NUMBER_BYTES = 8;

    static final int STATE_INDEX_OFFSET = 0;
    static final int STATE_NUM_OFFSET = 4;
    static final int STATE_BYTES = 8;

    static final int ADDRESS_INDEX_OFFSET = 0;
    static final int ADDRESS_FLAGS_OFFSET = 4;
    static final int ADDRESS_DESCRIPTORS_OFFSET = 8;
    static final int ADDRESS_USED_OFFSET = 16;
    static final int ADDRESS_AVAILABLE_OFFSET = 24;
    static final int ADDRESS_LOG_OFFSET = 32;
    static final int ADDRESS_BYTES = 40;

    static final int FILE_INDEX_MASK = 0xff;
    static final int FILE_NONE = 1 << 8;

    static final int REGION_GUEST_OFFSET = 0;
    static final int REGION_LENGTH_OFFSET = 8;
    static final int REGION_USER_OFFSET = 16;
    static final int REGION_FILE_OFFSET = 24;
    static final int REGION_BYTES = 32;

    static final int TABLE_COUNT_OFFSET = 0;
    static final int TABLE_REGIONS_OFFSET = 8;

    static final int SINGLE_REGION_OFFSET = 8;
    static final int SINGLE_BYTES = SINGLE_REGION_OFFSET + REGION_BYTES;

    static final int CONFIG_OFFSET_OFFSET = 0;
    static final int CONFIG_LENGTH_OFFSET = 4;
    static final int CONFIG_FLAGS_OFFSET = 8;
    static final int CONFIG_BYTES_OFFSET = 12;

    static final int IOTLB_IOVA_OFFSET = 0;
    static final int IOTLB_LENGTH_OFFSET = 8;
    static final int IOTLB_USER_OFFSET = 16;
    static final int IOTLB_ACCESS_OFFSET = 24;
    static final int IOTLB_TYPE_OFFSET = 25;
    static final int IOTLB_BYTES = 32;

    /** {@code VHOST_USER_MAX_CONFIG_SIZE} of every implementation; the specification gives none. */
    static final int MAX_CONFIG_BYTES = 256;

    /** Regions in a memory table, as the specification draws it. */
    static final int BASELINE_REGIONS = 8;

    /** Regions that are taken in one table of a front-end that knows memory slots. */
    static final int MAX_REGIONS = 32;

    /** The longest payload there is: a memory table that is full. */
    static final int MAX_BYTES = TABLE_REGIONS_OFFSET + MAX_REGIONS * REGION_BYTES;

    private PayloadDescriptor() {}
}
