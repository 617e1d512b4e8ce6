package dev.outboard.perf.traffic;

import dev.outboard.backend.PortDevice;
import dev.outboard.backend.PortSession;
import dev.outboard.virtio.NetDescriptor;
import dev.outboard.virtio.VirtioFeatures;

/**
 * What a driver finds at a port of the device that times: one pair of queues. The loop's thread.
 */
final class TripPort implements PortDevice {
    private static final long FEATURES =
            VirtioFeatures.VERSION_1
                    | VirtioFeatures.RING_EVENT_IDX
                    | VirtioFeatures.RING_INDIRECT_DESC
                    | VirtioFeatures.RING_PACKED
                    | VirtioFeatures.IN_ORDER
                    | VirtioFeatures.NET_MAC
                    | VirtioFeatures.NET_STATUS
                    | VirtioFeatures.NET_MRG_RXBUF;

    /** A locally administered station's address, but for its last byte. */
    private static final byte[] MAC = {0x02, 0, 0, 0, 1, 0};

    private final byte[] config = new byte[NetDescriptor.CONFIG_BYTES];
    private PortSession session;

    TripPort(int number) {
        System.arraycopy(MAC, 0, config, NetDescriptor.CONFIG_MAC_OFFSET, MAC.length);
        config[NetDescriptor.CONFIG_MAC_OFFSET + MAC.length - 1] = (byte) number;
        config[NetDescriptor.CONFIG_STATUS_OFFSET] = NetDescriptor.STATUS_LINK_UP;
    }

    @Override
    public long features() {
        return FEATURES;
    }

    @Override
    public int queueCount() {
        return 2;
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
    public void opened(PortSession newSession) {
        session = newSession;
    }

    @Override
    public void closed(PortSession ended) {
        session = null;
    }

    /** The driver's session while it runs, or null. */
    PortSession running() {
        return session != null && session.isRunning() ? session : null;
    }
}
