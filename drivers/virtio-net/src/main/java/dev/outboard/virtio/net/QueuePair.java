package dev.outboard.virtio.net;

import dev.outboard.dma.Dma;
import dev.outboard.driver.Device;
import dev.outboard.frames.FrameBuffers;
import dev.outboard.frames.FrameReceiver;
import dev.outboard.frames.FrameTransmitter;
import dev.outboard.uio.Resources;
import dev.outboard.virtio.DriverQueue;
import dev.outboard.virtio.NetDescriptor;
import dev.outboard.virtio.RingFormat;
import java.util.function.Supplier;

/** A receive queue, a transmit queue, and the mapping service of the thread that owns both. */
final class QueuePair implements AutoCloseable {
    /** An Ethernet header, and the tag of a VLAN. */
    private static final int LINK_BYTES = NetDescriptor.ETHERNET_HEADER_BYTES + 4;

    /** 64 KiB of IP, with the header of IPv6 and of the link. */
    private static final int MERGED_BYTES = 65_535 + 40 + LINK_BYTES;

    /**
     * Where frames lie in several buffers, a buffer is a page, but for eight lines of the cache.
     */
    private static final int MERGED_PART_BYTES = 4096 - 8 * 64 - 64;

    private final Device device;
    private final Dma dma;
    private final long features;
    private final int index;
    private final Resources resources = new Resources();
    private final FrameReceiver receive;
    private final FrameTransmitter transmit;

    /**
     * Takes memory and interrupts; the device has nothing yet.
     *
     * @param dma borrowed
     */
    QueuePair(Device device, Dma dma, long features, int index, int mtuBytes) {
        this.device = device;
        this.dma = dma;
        this.features = features;
        this.index = index;
        try {
            receive = resources.add(receiver(mtuBytes));
            transmit = resources.add(transmitter(mtuBytes));
        } catch (RuntimeException e) {
            resources.closeAfter(e);
            throw e;
        }
    }

    private FrameReceiver receiver(int mtuBytes) {
        int number = NetDescriptor.receiveQueue(index);
        int entries = device.queues().maximumEntries(number);
        boolean isMerged = NetFeatures.isMerged(features);
        int frameBytes = isMerged ? MERGED_BYTES : LINK_BYTES + mtuBytes;
        var queue = queue("receive", entries, 1);
        var ring =
                resources.add(
                        new VirtioReceiveRing(
                                device, number, queue, isMerged ? entries : 1, features));
        var buffers = buffers(entries, isMerged ? MERGED_PART_BYTES : frameBytes);
        return new FrameReceiver(dma, ring, buffers, frameBytes);
    }

    private FrameTransmitter transmitter(int mtuBytes) {
        int number = NetDescriptor.transmitQueue(index);
        int entries = device.queues().maximumEntries(number);
        var queue = queue("transmit", entries, VirtioTransmitRing.MAXIMUM_PARTS);
        var ring = resources.add(new VirtioTransmitRing(device, number, queue, entries));
        var buffers = buffers(entries, LINK_BYTES + mtuBytes);
        return new FrameTransmitter(dma, ring, buffers, NetFeatures.offloads(features));
    }

    private FrameBuffers buffers(int entries, int frameBytes) {
        return resources.add(
                new FrameBuffers(dma, entries, NetDescriptor.HEADER_BYTES, frameBytes));
    }

    private Supplier<DriverQueue> queue(String what, int entries, int parts) {
        var name = device.name() + " " + what + (index == 0 ? "" : " " + index);
        return () -> DriverQueue.open(name, dma, entries, RingFormat.of(features), parts);
    }

    /** Hands the queues to the device. */
    void start() {
        receive.start();
        transmit.start();
    }

    FrameReceiver receive() {
        return receive;
    }

    FrameTransmitter transmit() {
        return transmit;
    }

    /** Stops both queues, unmaps their buffers and gives the memory back. */
    @Override
    public void close() {
        resources.close();
    }
}
