package dev.outboard.virtio.net;

import dev.outboard.driver.Device;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.driver.net.ReceiveQueue;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.frames.FrameBuffers;
import dev.outboard.frames.FrameReceiver;
import dev.outboard.frames.FrameTransmitter;
import dev.outboard.uio.Resources;
import dev.outboard.virtio.DriverQueue;
import dev.outboard.virtio.NetDescriptor;
import dev.outboard.virtio.VirtioFeatures;

/** A running network device: its two queues and what its configuration said. */
final class VirtioNet implements NetworkService {
    private static final int PAIR = 0;

    private final NetConfig config;
    private final Resources resources;
    private final int entries;
    private final FrameReceiver receive;
    private final FrameTransmitter transmit;

    private VirtioNet(Device device, long features, NetConfig config, Resources resources) {
        this.config = config;
        this.resources = resources;
        this.entries = device.queues().maximumEntries(NetDescriptor.receiveQueue(PAIR));
        var in = queue(device, "receive", features, 1);
        var receiveRing =
                resources.add(new VirtioReceiveRing(device, NetDescriptor.receiveQueue(PAIR), in));
        receive = resources.add(new FrameReceiver(device.dma(), receiveRing, buffers(device)));
        var out = queue(device, "transmit", features, VirtioTransmitRing.MAXIMUM_PARTS);
        var transmitRing =
                resources.add(
                        new VirtioTransmitRing(
                                device, NetDescriptor.transmitQueue(PAIR), out, entries));
        transmit =
                resources.add(
                        new FrameTransmitter(
                                device.dma(), transmitRing, buffers(device), offloads()));
    }

    static VirtioNet start(Device device, long features, NetConfig config) {
        var resources = new Resources();
        try {
            var net = new VirtioNet(device, features, config, resources);
            net.receive.start();
            net.transmit.start();
            device.queues().ready();
            net.receive.announce();
            return net;
        } catch (RuntimeException e) {
            resources.closeAfter(e);
            throw e;
        }
    }

    private FrameBuffers buffers(Device device) {
        int frameBytes = NetDescriptor.ETHERNET_HEADER_BYTES + config.mtuBytes();
        return resources.add(
                new FrameBuffers(device.dma(), entries, NetDescriptor.HEADER_BYTES, frameBytes));
    }

    private DriverQueue queue(Device device, String what, long features, int parts) {
        return resources.add(
                new DriverQueue(
                        device.name() + " " + what,
                        device.dma(),
                        entries,
                        (features & VirtioFeatures.RING_EVENT_IDX) != 0,
                        parts,
                        (features & VirtioFeatures.RING_INDIRECT_DESC) != 0));
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
        return transmit;
    }

    @Override
    public ReceiveQueue receiveQueue(int pair) {
        checkPair(pair);
        return receive;
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
