package dev.outboard.virtio.blk;

import dev.outboard.driver.DeviceException;
import dev.outboard.virtio.BlockDescriptor;
import dev.outboard.virtio.VirtioFeatures;
import dev.outboard.virtio.VirtqueueDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * What the configuration space says (VIRTIO 1.2, section 5.2.4), as far as the accepted features
 * let it be believed, checked.
 *
 * @param capacityBytes the size of the disk
 * @param blockBytes the unit of reads and writes
 * @param segmentBytes the longest part of a request
 * @param segments the most parts of a request, header and status not counted
 */
record BlockConfig(
        long capacityBytes,
        int blockBytes,
        int segmentBytes,
        int segments,
        int queues,
        boolean readOnly,
        boolean writeCache) {
    /** What one request may move at most, whatever the device allows: bounds its mapping. */
    static final int MAXIMUM_REQUEST_BYTES = 1 << 20;

    /**
     * The most parts of a request that this driver makes: a request is contiguous, so few are
     * needed.
     */
    static final int MAXIMUM_SEGMENTS = 16;

    private static final ValueLayout.OfLong U64 = VirtqueueDescriptor.U64.withByteAlignment(1);
    private static final ValueLayout.OfInt U32 = VirtqueueDescriptor.U32.withByteAlignment(1);
    private static final ValueLayout.OfShort U16 = VirtqueueDescriptor.U16.withByteAlignment(1);

    static BlockConfig read(String device, byte[] config, long features) {
        if (config == null) {
            throw new DeviceException(
                    "device "
                            + device
                            + " has no configuration space to read: a disk's size stands there;"
                            + " is it a network device?");
        }
        var space = MemorySegment.ofArray(config);
        long sectors = space.get(U64, BlockDescriptor.CONFIG_CAPACITY_OFFSET);
        if (sectors < 0 || sectors > Long.MAX_VALUE / BlockDescriptor.SECTOR_BYTES) {
            throw new DeviceException(
                    "device " + device + " claims " + Long.toUnsignedString(sectors) + " sectors");
        }
        int block =
                has(features, VirtioFeatures.BLK_BLK_SIZE)
                        ? space.get(U32, BlockDescriptor.CONFIG_BLK_SIZE_OFFSET)
                        : BlockDescriptor.SECTOR_BYTES;
        if (block < BlockDescriptor.SECTOR_BYTES
                || block > MAXIMUM_REQUEST_BYTES
                || Integer.bitCount(block) != 1) {
            throw new DeviceException(
                    "device " + device + " claims blocks of " + Integer.toUnsignedString(block));
        }
        return new BlockConfig(
                sectors * BlockDescriptor.SECTOR_BYTES,
                block,
                segmentBytes(space, features, block),
                segments(space, features),
                queues(space, features),
                has(features, VirtioFeatures.BLK_RO),
                has(features, VirtioFeatures.BLK_FLUSH));
    }

    private static boolean has(long features, long feature) {
        return (features & feature) != 0;
    }

    private static int segmentBytes(MemorySegment space, long features, int block) {
        if (!has(features, VirtioFeatures.BLK_SIZE_MAX)) {
            return MAXIMUM_REQUEST_BYTES;
        }
        int given = space.get(U32, BlockDescriptor.CONFIG_SIZE_MAX_OFFSET);
        if (given == 0) {
            // QEMU's storage daemon offers the feature and gives no limit.
            return MAXIMUM_REQUEST_BYTES;
        }
        // A device that gives nonsense gets parts of one block, which it cannot refuse.
        return given < block ? block : Math.min(given, MAXIMUM_REQUEST_BYTES);
    }

    private static int segments(MemorySegment space, long features) {
        int given =
                has(features, VirtioFeatures.BLK_SEG_MAX)
                        ? space.get(U32, BlockDescriptor.CONFIG_SEG_MAX_OFFSET)
                        : 1;
        return Math.clamp(given, 1, MAXIMUM_SEGMENTS);
    }

    private static int queues(MemorySegment space, long features) {
        return has(features, VirtioFeatures.BLK_MQ)
                ? Math.max(1, space.get(U16, BlockDescriptor.CONFIG_NUM_QUEUES_OFFSET) & 0xffff)
                : 1;
    }

    /** The longest read or write that is one request. */
    int requestBytes() {
        long parts = (long) segmentBytes * segments;
        return (int) Math.min(parts, MAXIMUM_REQUEST_BYTES) & -blockBytes;
    }
}
