package dev.outboard.virtio.net;

import dev.outboard.driver.Device;
import dev.outboard.driver.net.FrameFacts;
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
    public int open(MemorySegment memory, long frontOffset) {
        return header.read(memory, frontOffset);
    }

    @Override
    public int openedFacts(int taken) {
        return header.isValid() ? FrameFacts.CHECKSUM_GOOD : FrameFacts.NONE;
    }

    @Override
    public long openedOffload(
            MemorySegment memory, long frameOffset, int partBytes, int frameBytes) {
        return header.isPlain() ? 0 : header.offload(memory, frameOffset, partBytes, frameBytes);
    }
}
