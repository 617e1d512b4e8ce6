package dev.outboard.virtio.net;

import dev.outboard.dma.Dma;
import dev.outboard.driver.Device;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.net.LinkListener;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.driver.net.NetworkStatistics;
import dev.outboard.driver.net.ReceiveQueue;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.uio.Resources;
import dev.outboard.virtio.NetDescriptor;
import java.util.List;

/**
 * A running network device: its pairs of queues, its control queue, and what its configuration
 * says. Any thread, but for the queues, which are their threads'.
 */
final class VirtioNet implements NetworkService {
    private final Device device;
    private final NetShape shape;
    private final Resources resources;
    private final int entries;
    private final QueuePair[] pairs;
    private final NetControl control;
    private volatile byte[] mac;
    private volatile boolean isUp;
    private volatile LinkListener listener;

    private VirtioNet(Device device, NetShape shape, Resources resources) {
        this.device = device;
        this.shape = shape;
        this.resources = resources;
        mac = shape.config().mac();
        isUp = shape.config().linkUp();
        entries = device.queues().maximumEntries(NetDescriptor.receiveQueue(0));
        pairs = new QueuePair[shape.pairs()];
        for (int index = 0; index < pairs.length; index++) {
            Dma dma = index == 0 ? device.dma() : resources.add(device.openDma());
            int mtu = shape.config().mtuBytes();
            pairs[index] = resources.add(new QueuePair(device, dma, shape.features(), index, mtu));
        }
        ControlQueue queue = null;
        if (shape.controlQueue() != 0) {
            int index = shape.controlQueue();
            queue = resources.add(new ControlQueue(device, device.dma(), index, shape.features()));
        }
        control = new NetControl(queue, shape.features());
    }

    static VirtioNet start(Device device, NetShape shape) {
        var resources = new Resources();
        try {
            var net = new VirtioNet(device, shape, resources);
            net.start();
            return net;
        } catch (RuntimeException e) {
            resources.closeAfter(e);
            throw e;
        }
    }

    private void start() {
        for (var pair : pairs) {
            pair.start();
        }
        if (control.queue() != null) {
            control.queue().start();
        }
        var changes =
                (shape.features() & NetConfig.FEATURES) == 0
                        ? null
                        : device.queues().configInterrupt();
        ConfigWatch watch = null;
        if (changes != null) {
            watch = resources.add(new ConfigWatch(device, changes, this::look));
        }
        device.queues().ready();
        if (pairs.length > 1 && control.queue() != null) {
            control.usePairs(pairs.length);
        }
        for (var pair : pairs) {
            pair.receive().announce();
        }
        if (watch != null) {
            watch.start();
        }
    }

    /** The configuration may have changed: on the thread that waits for that. */
    private void look() {
        try {
            var now =
                    NetConfig.read(
                            device.queues().readConfig(0, NetDescriptor.CONFIG_BYTES),
                            shape.features());
            LinkListener told = listener;
            if (now.linkUp() != isUp) {
                isUp = now.linkUp();
                if (told != null) {
                    told.onLink(isUp);
                }
            }
            if (now.isAnnounceWanted() && control.isAnnouncing()) {
                if (told != null) {
                    told.onAnnounce();
                }
                control.announced();
            }
        } catch (DeviceException gone) {
            // Whoever uses the queues is told of it; the next change, if there is one, is seen.
        }
    }

    @Override
    public String describe() {
        return "virtio-net %s, mtu %d, link %s, %s, %d entries"
                .formatted(
                        NetConfig.text(mac),
                        mtuBytes(),
                        isUp ? "up" : "down",
                        pairs.length == 1 ? "1 pair of queues" : pairs.length + " pairs of queues",
                        entries);
    }

    @Override
    public int offloads() {
        return NetFeatures.offloads(shape.features());
    }

    @Override
    public byte[] macAddress() {
        return mac.clone();
    }

    @Override
    public int mtuBytes() {
        return shape.config().mtuBytes();
    }

    @Override
    public boolean isLinkUp() {
        return isUp;
    }

    @Override
    public void onLink(LinkListener wanted) {
        listener = wanted;
    }

    @Override
    public void receiveAll(boolean isWanted) {
        control.receiveAll(isWanted);
    }

    @Override
    public void receiveAllGroups(boolean isWanted) {
        control.receiveAllGroups(isWanted);
    }

    @Override
    public void receiveGroups(List<byte[]> groups) {
        control.receiveGroups(groups);
    }

    @Override
    public void receiveOffloads(int offloads) {
        control.receiveOffloads(offloads);
    }

    @Override
    public void setMacAddress(byte[] address) {
        byte[] copy = address.clone();
        control.setMacAddress(copy);
        mac = copy;
    }

    /** What the queues counted; the device counts nothing. */
    @Override
    public NetworkStatistics statistics() {
        long received = 0;
        long receivedBytes = 0;
        long sent = 0;
        long sentBytes = 0;
        long dropped = 0;
        for (var pair : pairs) {
            received += pair.receive().frames();
            receivedBytes += pair.receive().bytes();
            dropped += pair.receive().dropped();
            sent += pair.transmit().frames();
            sentBytes += pair.transmit().bytes();
        }
        return new NetworkStatistics(received, receivedBytes, sent, sentBytes, 0, dropped);
    }

    @Override
    public int queuePairs() {
        return pairs.length;
    }

    @Override
    public TransmitQueue transmitQueue(int pair) {
        return checked(pair).transmit();
    }

    @Override
    public ReceiveQueue receiveQueue(int pair) {
        return checked(pair).receive();
    }

    private QueuePair checked(int pair) {
        if (pair < 0 || pair >= pairs.length) {
            throw new IllegalArgumentException(
                    "pair=%d: there are %d".formatted(pair, pairs.length));
        }
        return pairs[pair];
    }

    @Override
    public void close() {
        resources.close();
    }
}
