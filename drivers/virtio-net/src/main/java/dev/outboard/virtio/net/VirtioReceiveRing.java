package dev.outboard.virtio.net;

import dev.outboard.driver.Device;
import dev.outboard.frames.ReceiveRing;
import dev.outboard.virtio.DriverQueue;
import dev.outboard.virtio.NetDescriptor;

/** A virtqueue of empty buffers; each comes back with a virtio header before its frame. */
final class VirtioReceiveRing extends VirtioRing implements ReceiveRing {
    private final DriverQueue queue;

    VirtioReceiveRing(Device device, int index, DriverQueue queue) {
        super(device, index, queue);
        this.queue = queue;
    }

    @Override
    public void add(long iova, int lengthBytes, int buffer) {
        queue.add(iova, lengthBytes, true, buffer);
    }

    @Override
    public int takenLength() {
        // What is too short for the header is a frame of nothing, which is refused.
        return Math.max(0, queue.takenLength() - NetDescriptor.HEADER_BYTES);
    }
}
