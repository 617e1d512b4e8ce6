package dev.outboard.virtio.net;

import dev.outboard.driver.Device;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.driver.net.ReceiveQueue;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.virtio.DriverQueue;
import dev.outboard.virtio.NetDescriptor;
import dev.outboard.virtio.VirtioFeatures;

/** A running network device: its two queues and what its configuration said. */
final class VirtioNet implements NetworkService {
    private static final int PAIR = 0;

    private final NetConfig config;
    private final int entries;
    private final ReceiveSide receive;
    private final TransmitSide transmit;
    private boolean closed;

    private VirtioNet(NetConfig config, int entries, ReceiveSide receive, TransmitSide transmit) {
        this.config = config;
        this.entries = entries;
        this.receive = receive;
        this.transmit = transmit;
    }

    static VirtioNet start(Device device, long features, NetConfig config) {
        int receiveIndex = NetDescriptor.receiveQueue(PAIR);
        int transmitIndex = NetDescriptor.transmitQueue(PAIR);
        int entries = device.queues().maximumEntries(receiveIndex);
        int frameBytes = NetDescriptor.ETHERNET_HEADER_BYTES + config.mtuBytes();
        ReceiveSide receive = null;
        TransmitSide transmit = null;
        try {
            receive =
                    new ReceiveSide(
                            device.dma(),
                            side(device, receiveIndex, "receive", entries, features, 1),
                            new FrameBuffers(device.dma(), entries, frameBytes));
            transmit =
                    new TransmitSide(
                            device.dma(),
                            side(
                                    device,
                                    transmitIndex,
                                    "transmit",
                                    entries,
                                    features,
                                    TransmitSide.MAXIMUM_PARTS),
                            new FrameBuffers(device.dma(), entries, frameBytes));
            receive.start();
            transmit.start();
            return new VirtioNet(config, entries, receive, transmit);
        } catch (RuntimeException e) {
            close(transmit, receive);
            throw e;
        }
    }

    private static QueueSide side(
            Device device, int index, String what, int entries, long features, int parts) {
        var queue =
                new DriverQueue(
                        device.name() + " " + what,
                        device.dma(),
                        entries,
                        (features & VirtioFeatures.RING_EVENT_IDX) != 0,
                        parts,
                        (features & VirtioFeatures.RING_INDIRECT_DESC) != 0);
        return new QueueSide(device, index, queue);
    }

    private static void close(TransmitSide transmit, ReceiveSide receive) {
        if (transmit != null) {
            transmit.close();
        }
        if (receive != null) {
            receive.close();
        }
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
        if (!closed) {
            closed = true;
            close(transmit, receive);
        }
    }
}
