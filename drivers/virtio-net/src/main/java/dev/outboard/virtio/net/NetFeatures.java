package dev.outboard.virtio.net;

import dev.outboard.driver.net.FrameOffload;
import dev.outboard.virtio.RingFormat;
import dev.outboard.virtio.VirtioFeatures;

/** Which features are accepted (VIRTIO 1.2, section 5.1.3), and what they mean to a client. */
final class NetFeatures {
    private static final long ALWAYS =
            VirtioFeatures.VERSION_1
                    | RingFormat.FEATURES
                    | VirtioFeatures.NET_CSUM
                    | NetConfig.FEATURES;
    private static final long CUTS = VirtioFeatures.NET_HOST_TSO4 | VirtioFeatures.NET_HOST_TSO6;

    private NetFeatures() {}

    /** What is said over a control queue. That of VLANs would have all be named beforehand. */
    private static final long CONTROLS =
            VirtioFeatures.NET_CTRL_VQ
                    | VirtioFeatures.NET_CTRL_RX
                    | VirtioFeatures.NET_CTRL_MAC_ADDR
                    | VirtioFeatures.NET_GUEST_ANNOUNCE
                    | VirtioFeatures.NET_CTRL_GUEST_OFFLOADS;

    /**
     * What to accept.
     *
     * @param offered what the device offers
     * @param hasConfig whether its configuration can be read
     * @param taken what the client takes of unfinished frames: {@link FrameOffload}
     * @param hasControl whether there is a control queue where it should be
     * @param pairs how many pairs of queues are to be used
     */
    static long accepted(
            long offered, boolean hasConfig, int taken, boolean hasControl, int pairs) {
        long wanted = ALWAYS;
        if ((offered & VirtioFeatures.NET_CSUM) != 0) {
            wanted |= CUTS;
        }
        if ((taken & FrameOffload.UNSUMMED) != 0) {
            wanted |= VirtioFeatures.NET_GUEST_CSUM;
            if ((offered & VirtioFeatures.NET_GUEST_CSUM) != 0) {
                wanted |= merged(offered, taken);
            }
        }
        wanted |= hasControl ? CONTROLS : 0;
        wanted |= pairs > 1 ? VirtioFeatures.NET_MQ : 0;
        return offered & wanted & (hasConfig ? -1L : ~NetConfig.FEATURES);
    }

    /** Frames that are put together come in several buffers: whole ones would be of 64 KiB each. */
    private static long merged(long offered, int taken) {
        long wanted = 0;
        if ((offered & VirtioFeatures.NET_MRG_RXBUF) != 0) {
            wanted |= (taken & FrameOffload.MERGED_IPV4) != 0 ? VirtioFeatures.NET_GUEST_TSO4 : 0;
            wanted |= (taken & FrameOffload.MERGED_IPV6) != 0 ? VirtioFeatures.NET_GUEST_TSO6 : 0;
            wanted |= (wanted & offered) != 0 ? VirtioFeatures.NET_MRG_RXBUF : 0;
        }
        return wanted;
    }

    /** The capabilities of {@link FrameOffload} that accepted features are. */
    static int offloads(long accepted) {
        int offloads = 0;
        offloads |= bit(accepted, VirtioFeatures.NET_CSUM, FrameOffload.CHECKSUM);
        offloads |= bit(accepted, VirtioFeatures.NET_HOST_TSO4, FrameOffload.SEGMENTS_IPV4);
        offloads |= bit(accepted, VirtioFeatures.NET_HOST_TSO6, FrameOffload.SEGMENTS_IPV6);
        offloads |=
                bit(
                        accepted,
                        VirtioFeatures.NET_GUEST_CSUM,
                        FrameOffload.RECEIVED_CHECKSUM | FrameOffload.UNSUMMED);
        offloads |= bit(accepted, VirtioFeatures.NET_GUEST_TSO4, FrameOffload.MERGED_IPV4);
        return offloads | bit(accepted, VirtioFeatures.NET_GUEST_TSO6, FrameOffload.MERGED_IPV6);
    }

    private static int bit(long accepted, long feature, int offload) {
        return (accepted & feature) != 0 ? offload : 0;
    }

    /** Whether a received frame may lie in several buffers. */
    static boolean isMerged(long accepted) {
        return (accepted & VirtioFeatures.NET_MRG_RXBUF) != 0;
    }
}
