package dev.outboard.serve;

import dev.outboard.backend.PortDevice;
import dev.outboard.backend.PortSession;
import dev.outboard.backend.RegionListener;
import dev.outboard.driver.net.FrameOffload;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.virtio.NetDescriptor;
import dev.outboard.virtio.VirtioFeatures;
import java.util.function.Predicate;

/**
 * The interface as a client finds it: a virtio network device (VIRTIO 1.2, section 5.1) with the
 * address, MTU and offloads of the driver's. The loop's thread.
 */
final class ServedPort implements PortDevice {
    static final int RECEIVE = NetDescriptor.receiveQueue(0);
    static final int TRANSMIT = NetDescriptor.transmitQueue(0);
    private static final int QUEUES = 2;

    private static final long ALWAYS =
            VirtioFeatures.VERSION_1
                    | VirtioFeatures.RING_EVENT_IDX
                    | VirtioFeatures.RING_INDIRECT_DESC
                    | VirtioFeatures.RING_PACKED
                    | VirtioFeatures.IN_ORDER
                    | VirtioFeatures.NET_MAC
                    | VirtioFeatures.NET_STATUS
                    | VirtioFeatures.NET_MTU
                    | VirtioFeatures.NET_MRG_RXBUF;

    private final LentRegions regions;
    private final Runnable onSession;
    private final Predicate<PortSession> letGo;
    private final long features;
    private final byte[] config;
    private PortSession session;
    private long clients;

    /**
     * @param regions hears of the client's memory
     * @param onSession runs when a client comes, and when it is gone
     * @param letGo gives back what was taken of the transmit ring; false if the device does not
     */
    ServedPort(
            NetworkService network,
            ServeOptions options,
            LentRegions regions,
            Runnable onSession,
            Predicate<PortSession> letGo) {
        this.letGo = letGo;
        this.regions = regions;
        this.onSession = onSession;
        features = features(options.offloads() ? network.offloads() : 0);
        config = config(network);
    }

    /** What the device does for its driver, it does for the client. */
    static long features(int offloads) {
        long all = ALWAYS;
        all |= bit(offloads, FrameOffload.CHECKSUM, VirtioFeatures.NET_CSUM);
        all |= bit(offloads, FrameOffload.SEGMENTS_IPV4, VirtioFeatures.NET_HOST_TSO4);
        all |= bit(offloads, FrameOffload.SEGMENTS_IPV6, VirtioFeatures.NET_HOST_TSO6);
        all |= bit(offloads, FrameOffload.UNSUMMED, VirtioFeatures.NET_GUEST_CSUM);
        all |= bit(offloads, FrameOffload.MERGED_IPV4, VirtioFeatures.NET_GUEST_TSO4);
        return all | bit(offloads, FrameOffload.MERGED_IPV6, VirtioFeatures.NET_GUEST_TSO6);
    }

    private static long bit(int offloads, int capability, long feature) {
        return (offloads & capability) != 0 ? feature : 0;
    }

    private static byte[] config(NetworkService network) {
        var bytes = new byte[NetDescriptor.CONFIG_BYTES];
        byte[] mac = network.macAddress();
        System.arraycopy(mac, 0, bytes, NetDescriptor.CONFIG_MAC_OFFSET, mac.length);
        bytes[NetDescriptor.CONFIG_STATUS_OFFSET] =
                (byte) (network.isLinkUp() ? NetDescriptor.STATUS_LINK_UP : 0);
        bytes[NetDescriptor.CONFIG_PAIRS_OFFSET] = 1;
        int mtu = network.mtuBytes();
        bytes[NetDescriptor.CONFIG_MTU_OFFSET] = (byte) mtu;
        bytes[NetDescriptor.CONFIG_MTU_OFFSET + 1] = (byte) (mtu >>> Byte.SIZE);
        return bytes;
    }

    @Override
    public long features() {
        return features;
    }

    @Override
    public int queueCount() {
        return QUEUES;
    }

    @Override
    public int offeredQueueCount() {
        return 1;
    }

    @Override
    public byte[] config() {
        return config;
    }

    @Override
    public RegionListener regions() {
        return regions;
    }

    @Override
    public void opened(PortSession newSession) {
        session = newSession;
        clients++;
        onSession.run();
    }

    @Override
    public void stopping(PortSession stopped, int queue) {
        if (queue == TRANSMIT && !letGo.test(stopped)) {
            stopped.fail("the device did not let go of the frames that it was given");
        }
    }

    @Override
    public void closed(PortSession ended) {
        session = null;
        onSession.run();
    }

    /** The client's session while it is well, or null. */
    PortSession session() {
        return session != null && session.failure() == null ? session : null;
    }

    /** How many clients have come. */
    long clients() {
        return clients;
    }
}
