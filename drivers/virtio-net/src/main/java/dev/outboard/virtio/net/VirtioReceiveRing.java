package dev.outboard.virtio.net;

import dev.outboard.driver.Device;
import dev.outboard.frames.ReceiveRing;
import dev.outboard.virtio.DriverQueue;
import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;

/**
 * A virtqueue of empty buffers; each comes back with a virtio header before its frame, or, where
 * buffers are merged, with what goes on of the frame before.
 */
final class VirtioReceiveRing extends VirtioRing implements ReceiveRing {
    private final int maximumBuffers;
    private final ReceivedHeader header;

    /**
     * @param maximumBuffers the most buffers of a frame: 1 where they are not merged
     */
    VirtioReceiveRing(
            Device device,
            int index,
            Supplier<DriverQueue> opener,
            int maximumBuffers,
            long features) {
        super(device, index, opener);
        this.maximumBuffers = maximumBuffers;
        header = new ReceivedHeader(features);
    }

    @Override
    public int maximumBuffers() {
        return maximumBuffers;
    }

    @Override
    public void add(long iova, int lengthBytes, int buffer) {
        queue().add(iova, lengthBytes, true, buffer);
    }

    @Override
    public int takenLength() {
        return queue().takenLength();
    }

    @Override
    public void reserve(int places) {
        header.reserve(places);
    }

    @Override
    public int readFront(int place, int taken, MemorySegment memory, long frontOffset) {
        return header.read(place, memory, frontOffset);
    }

    @Override
    public int open(int place) {
        return header.open(place);
    }

    @Override
    public int openedFacts() {
        return header.facts();
    }

    @Override
    public long openedOffload(
            MemorySegment memory, long frameOffset, int partBytes, int frameBytes) {
        return header.offload(memory, frameOffset, partBytes, frameBytes);
    }
}
