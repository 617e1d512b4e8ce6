package dev.outboard.virtio.blk;

import dev.outboard.driver.Device;
import dev.outboard.driver.Driver;
import dev.outboard.driver.Match;
import dev.outboard.driver.Service;
import dev.outboard.driver.block.BlockService;
import dev.outboard.virtio.BlockDescriptor;
import dev.outboard.virtio.ModernDevice;
import dev.outboard.virtio.RingFormat;
import dev.outboard.virtio.VirtioFeatures;

/**
 * Drives virtio block devices of version 1 and later: split and packed rings, in order, event
 * index, indirect descriptors.
 */
public final class VirtioBlkDriver implements Driver {
    private static final long WANTED =
            VirtioFeatures.VERSION_1
                    | RingFormat.FEATURES
                    | VirtioFeatures.BLK_SIZE_MAX
                    | VirtioFeatures.BLK_SEG_MAX
                    | VirtioFeatures.BLK_RO
                    | VirtioFeatures.BLK_BLK_SIZE
                    | VirtioFeatures.BLK_FLUSH
                    | VirtioFeatures.BLK_MQ;

    /** For the service loader. */
    public VirtioBlkDriver() {}

    @Override
    public String name() {
        return "virtio-blk";
    }

    @Override
    public Match match() {
        return Match.type("virtio", VirtioFeatures.TYPE_BLOCK);
    }

    @Override
    public Class<BlockService> service() {
        return BlockService.class;
    }

    @Override
    public Service start(Device device) {
        var transport = device.queues();
        long offered = ModernDevice.offeredFeatures(device);
        long features = offered & WANTED;
        var space = transport.readConfig(0, BlockDescriptor.CONFIG_BYTES);
        var config = BlockConfig.read(device.name(), space, features);
        transport.acceptFeatures(features);
        return VirtioBlk.start(device, features, config);
    }
}
