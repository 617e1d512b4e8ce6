package dev.outboard.models;

import dev.outboard.backend.PortDevice;
import dev.outboard.backend.PortSession;
import dev.outboard.virtio.BlockDescriptor;
import dev.outboard.virtio.VirtioFeatures;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** What the disk offers to its one driver, and the driver's session. */
final class DiskPort implements PortDevice {
    /** Data buffers of a request; with header and status a chain of 128 descriptors. */
    static final int MOST_SEGMENTS = 126;

    private static final long FEATURES =
            VirtioFeatures.VERSION_1
                    | VirtioFeatures.RING_EVENT_IDX
                    | VirtioFeatures.RING_INDIRECT_DESC
                    | VirtioFeatures.RING_PACKED
                    | VirtioFeatures.IN_ORDER
                    | VirtioFeatures.BLK_SEG_MAX
                    | VirtioFeatures.BLK_BLK_SIZE;

    private final int queues;
    private final boolean readOnly;
    private final byte[] config;
    private volatile PortSession session;

    DiskPort(int queues, boolean readOnly, long sectors) {
        this.queues = queues;
        this.readOnly = readOnly;
        var bytes = ByteBuffer.allocate(BlockDescriptor.CONFIG_BYTES);
        bytes.order(ByteOrder.LITTLE_ENDIAN)
                .putLong(BlockDescriptor.CONFIG_CAPACITY_OFFSET, sectors)
                .putInt(BlockDescriptor.CONFIG_SEG_MAX_OFFSET, MOST_SEGMENTS)
                .putInt(BlockDescriptor.CONFIG_BLK_SIZE_OFFSET, BlockDescriptor.SECTOR_BYTES)
                .putShort(BlockDescriptor.CONFIG_NUM_QUEUES_OFFSET, (short) queues);
        config = bytes.array();
    }

    @Override
    public long features() {
        // A disk that is not written has nothing to flush.
        return FEATURES
                | (readOnly ? VirtioFeatures.BLK_RO : VirtioFeatures.BLK_FLUSH)
                | (queues > 1 ? VirtioFeatures.BLK_MQ : 0);
    }

    @Override
    public int queueCount() {
        return queues;
    }

    @Override
    public int offeredQueueCount() {
        return queues;
    }

    @Override
    public byte[] config() {
        return config;
    }

    @Override
    public void opened(PortSession newSession) {
        session = newSession;
    }

    @Override
    public void closed(PortSession ended) {
        session = null;
    }

    /** The driver's session, or null. */
    PortSession session() {
        return session;
    }
}
