package dev.outboard.virtio.net;

import dev.outboard.driver.Device;
import dev.outboard.frames.TransmitRing;
import dev.outboard.virtio.DriverQueue;
import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;

/** A virtqueue of frames, each behind a virtio header. */
final class VirtioTransmitRing extends VirtioRing implements TransmitRing {
    /** The most parts of a gathered frame: a header and 64 KiB in pages, not aligned. */
    static final int MAXIMUM_PARTS = 18;

    VirtioTransmitRing(Device device, int index, Supplier<DriverQueue> opener, int entries) {
        super(device, index, opener);
        // Half a ring a wake-up: a sender that waits for room is woken for a batch, not for a
        // frame.
        queue().wakeAfter(Math.max(1, entries / 2));
    }

    @Override
    public int maximumParts() {
        return MAXIMUM_PARTS;
    }

    @Override
    public int places(int parts) {
        return queue().descriptorsFor(parts);
    }

    @Override
    public void add(long iova, int lengthBytes, int buffer, long offload) {
        queue().add(iova, lengthBytes, false, buffer);
    }

    @Override
    public void part(long iova, int lengthBytes) {
        queue().part(iova, lengthBytes, false);
    }

    @Override
    public void add(int buffer, long offload) {
        queue().add(buffer);
    }

    @Override
    public void writeFront(MemorySegment memory, long frontOffset, long offload) {
        SentHeader.write(memory, frontOffset, offload);
    }
}
