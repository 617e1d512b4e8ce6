package dev.outboard.virtio.net;

import dev.outboard.driver.Device;
import dev.outboard.driver.Driver;
import dev.outboard.driver.Match;
import dev.outboard.driver.Service;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.virtio.VirtioFeatures;

/**
 * Drives virtio network devices of version 1 and later: pairs of queues, event index, indirect
 * descriptors for gathered frames, checksums and segments left to the device both ways, frames of
 * 64 KiB in buffers of a page.
 */
public final class VirtioNetDriver implements Driver {
    /** For the service loader. */
    public VirtioNetDriver() {}

    @Override
    public String name() {
        return "virtio-net";
    }

    @Override
    public Match match() {
        return Match.type("virtio", VirtioFeatures.TYPE_NETWORK);
    }

    @Override
    public Class<NetworkService> service() {
        return NetworkService.class;
    }

    @Override
    public Service start(Device device) {
        return VirtioNet.start(device, NetShape.agree(device));
    }
}
