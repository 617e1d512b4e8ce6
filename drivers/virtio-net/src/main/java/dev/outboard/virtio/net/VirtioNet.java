package dev.outboard.virtio.net;

import dev.outboard.driver.Device;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.driver.net.ReceiveQueue;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.uio.Resources;
import dev.outboard.virtio.NetDescriptor;

/** A running network device: its two queues and what its configuration said. */
final class VirtioNet implements NetworkService {
    private static final int PAIR = 0;

    private final NetConfig config;
    private final long features;
    private final Resources resources;
    private final int entries;
    private final QueuePair queues;

    private VirtioNet(Device device, long features, NetConfig config, Resources resources) {
        this.config = config;
        this.features = features;
        this.resources = resources;
        entries = device.queues().maximumEntries(NetDescriptor.receiveQueue(PAIR));
        queues =
                resources.add(
                        new QueuePair(device, device.dma(), features, PAIR, config.mtuBytes()));
    }

    static VirtioNet start(Device device, long features, NetConfig config) {
        var resources = new Resources();
        try {
            var net = new VirtioNet(device, features, config, resources);
            net.queues.start();
            device.queues().ready();
            net.queues.receive().announce();
            return net;
        } catch (RuntimeException e) {
            resources.closeAfter(e);
            throw e;
        }
    }

    @Override
    public int offloads() {
        return NetFeatures.offloads(features);
    }

    @Override
    public String describe() {
        return "virtio-net %s, mtu %d, link %s, %d entries"
                .formatted(
                        config.macText(),
                        config.mtuBytes(),
                        config.linkUp() ? "up" : "down",
                        entries);
    }

    @Override
    public byte[] macAddress() {
        return config.mac().clone();
    }

    @Override
    public int mtuBytes() {
        return config.mtuBytes();
    }

    @Override
    public boolean isLinkUp() {
        return config.linkUp();
    }

    @Override
    public int queuePairs() {
        return 1;
    }

    @Override
    public TransmitQueue transmitQueue(int pair) {
        checkPair(pair);
        return queues.transmit();
    }

    @Override
    public ReceiveQueue receiveQueue(int pair) {
        checkPair(pair);
        return queues.receive();
    }

    private static void checkPair(int pair) {
        if (pair != PAIR) {
            throw new IllegalArgumentException("pair=" + pair + ": there is only pair 0");
        }
    }

    @Override
    public void close() {
        resources.close();
    }
}
