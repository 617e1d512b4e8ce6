package dev.outboard.virtio.net;

import dev.outboard.driver.net.FrameOffload;
import dev.outboard.virtio.NetControlDescriptor;
import dev.outboard.virtio.VirtioFeatures;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * What can be said over the control queue, as far as the accepted features allow it. Any thread.
 *
 * @param queue null where the device has none
 * @param features what was accepted
 */
record NetControl(ControlQueue queue, long features) {
    private static final int MAC_BYTES = 6;

    /** More groups than that are not named one by one. */
    private static final int MOST_GROUPS = 256;

    void receiveAll(boolean isWanted) {
        require(VirtioFeatures.NET_CTRL_RX, "what to receive");
        queue.tell(
                NetControlDescriptor.CLASS_RX,
                NetControlDescriptor.RX_PROMISCUOUS,
                isWanted ? 1 : 0);
    }

    void receiveAllGroups(boolean isWanted) {
        require(VirtioFeatures.NET_CTRL_RX, "what to receive");
        queue.tell(
                NetControlDescriptor.CLASS_RX,
                NetControlDescriptor.RX_ALL_MULTICAST,
                isWanted ? 1 : 0);
    }

    void receiveGroups(List<byte[]> groups) {
        require(VirtioFeatures.NET_CTRL_RX, "what to receive");
        for (byte[] group : groups) {
            if (group.length != MAC_BYTES || (group[0] & 1) == 0) {
                throw new IllegalArgumentException("this is no address of a group of 6 bytes");
            }
        }
        if (groups.size() > MOST_GROUPS) {
            receiveAllGroups(true);
            return;
        }
        // Two tables: no further stations, then the groups.
        var tables =
                ByteBuffer.allocate(2 * Integer.BYTES + groups.size() * MAC_BYTES)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putInt(0)
                        .putInt(groups.size());
        groups.forEach(tables::put);
        queue.tell(
                NetControlDescriptor.CLASS_MAC, NetControlDescriptor.MAC_TABLE_SET, tables.array());
    }

    void setMacAddress(byte[] address) {
        require(VirtioFeatures.NET_CTRL_MAC_ADDR, "another MAC address");
        if (address.length != MAC_BYTES || (address[0] & 1) != 0) {
            throw new IllegalArgumentException("this is no address of one station of 6 bytes");
        }
        queue.tell(NetControlDescriptor.CLASS_MAC, NetControlDescriptor.MAC_ADDRESS_SET, address);
    }

    /** Frames may come on so many pairs from now on. */
    void usePairs(int pairs) {
        require(VirtioFeatures.NET_MQ, "how many queues to use");
        queue.tell(
                NetControlDescriptor.CLASS_MQ,
                NetControlDescriptor.MQ_PAIRS_SET,
                shortBytes(pairs));
    }

    boolean isAnnouncing() {
        return queue != null && (features & VirtioFeatures.NET_GUEST_ANNOUNCE) != 0;
    }

    void announced() {
        queue.tell(
                NetControlDescriptor.CLASS_ANNOUNCE,
                NetControlDescriptor.ANNOUNCE_ACKNOWLEDGE,
                new byte[0]);
    }

    void receiveOffloads(int offloads) {
        require(VirtioFeatures.NET_CTRL_GUEST_OFFLOADS, "which frames to finish");
        long wanted =
                bit(offloads, FrameOffload.UNSUMMED, VirtioFeatures.NET_GUEST_CSUM)
                        | bit(offloads, FrameOffload.MERGED_IPV4, VirtioFeatures.NET_GUEST_TSO4)
                        | bit(offloads, FrameOffload.MERGED_IPV6, VirtioFeatures.NET_GUEST_TSO6);
        if ((wanted & ~features) != 0) {
            throw new IllegalArgumentException(
                    "offloads=0x%x is more than was agreed on when the driver started"
                            .formatted(offloads));
        }
        queue.tell(
                NetControlDescriptor.CLASS_GUEST_OFFLOADS,
                NetControlDescriptor.GUEST_OFFLOADS_SET,
                ByteBuffer.allocate(Long.BYTES)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(wanted)
                        .array());
    }

    private static long bit(int offloads, int offload, long feature) {
        return (offloads & offload) != 0 ? feature : 0;
    }

    private static byte[] shortBytes(int value) {
        return new byte[] {(byte) value, (byte) (value >>> Byte.SIZE)};
    }

    private void require(long feature, String what) {
        if (queue == null || (features & feature) == 0) {
            throw new UnsupportedOperationException("this device cannot be told " + what);
        }
    }
}
