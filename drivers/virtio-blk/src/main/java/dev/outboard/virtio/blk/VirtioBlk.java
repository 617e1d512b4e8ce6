package dev.outboard.virtio.blk;

import dev.outboard.driver.Device;
import dev.outboard.driver.block.BlockQueue;
import dev.outboard.driver.block.BlockService;
import dev.outboard.uio.Resources;
import dev.outboard.virtio.DriverQueue;
import dev.outboard.virtio.RingFormat;
import java.util.ArrayList;
import java.util.List;

/** A running disk: its queues and what its configuration said. */
final class VirtioBlk implements BlockService {
    /** Header, data, status. */
    private static final int MAXIMUM_PARTS = BlockConfig.MAXIMUM_SEGMENTS + 2;

    private static final int MINIMUM_PARTS = 3;

    private final BlockConfig config;
    private final List<RequestQueue> queues;
    private final Resources resources;

    private VirtioBlk(BlockConfig config, List<RequestQueue> queues, Resources resources) {
        this.config = config;
        this.queues = queues;
        this.resources = resources;
    }

    static VirtioBlk start(Device device, long features, BlockConfig config) {
        var resources = new Resources();
        try {
            var queues = new ArrayList<RequestQueue>();
            int count = Math.min(config.queues(), device.queues().queueCount());
            for (int i = 0; i < count; i++) {
                queues.add(open(device, features, config, i, resources));
            }
            queues.forEach(RequestQueue::start);
            device.queues().ready();
            return new VirtioBlk(config, List.copyOf(queues), resources);
        } catch (RuntimeException e) {
            resources.closeAfter(e);
            throw e;
        }
    }

    private static RequestQueue open(
            Device device, long features, BlockConfig config, int index, Resources resources) {
        int entries = device.queues().maximumEntries(index);
        var format = RingFormat.of(features);
        var queue =
                DriverQueue.open(
                        device.name() + " queue " + index,
                        device.dma(),
                        entries,
                        format,
                        MAXIMUM_PARTS);
        resources.add(queue);
        int depth = format.indirect() ? entries : Math.max(1, entries / MINIMUM_PARTS);
        return resources.add(new RequestQueue(device, config, index, queue, depth, resources));
    }

    @Override
    public String describe() {
        return "virtio-blk %,d bytes in blocks of %d%s, %d queue%s, %s"
                .formatted(
                        config.capacityBytes(),
                        config.blockBytes(),
                        config.readOnly() ? ", read-only" : "",
                        queues.size(),
                        queues.size() == 1 ? "" : "s",
                        config.writeCache() ? "write cache" : "no write cache");
    }

    @Override
    public long capacityBytes() {
        return config.capacityBytes();
    }

    @Override
    public int blockBytes() {
        return config.blockBytes();
    }

    @Override
    public boolean isReadOnly() {
        return config.readOnly();
    }

    @Override
    public boolean hasWriteCache() {
        return config.writeCache();
    }

    @Override
    public int maximumRequestBytes() {
        return config.requestBytes();
    }

    @Override
    public int queueCount() {
        return queues.size();
    }

    @Override
    public BlockQueue queue(int index) {
        return queues.get(index);
    }

    @Override
    public void close() {
        resources.close();
    }
}
