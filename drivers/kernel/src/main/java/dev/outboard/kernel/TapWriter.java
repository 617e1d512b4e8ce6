package dev.outboard.kernel;

import dev.outboard.driver.net.ReceivedFrame;
import dev.outboard.driver.net.ReceivedFrameHandler;
import dev.outboard.uio.net.FrameVector;
import dev.outboard.uio.net.TapQueue;
import dev.outboard.uio.net.VirtioHeader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Gives the kernel what the device received, out of the buffers that it came in. The pair's thread;
 * no allocation.
 */
final class TapWriter implements ReceivedFrameHandler {
    /** 64 KiB in the smallest buffers there are, and more. */
    private static final int MOST_PARTS = 128;

    private final TapQueue tap;
    private final Counts counts;
    private final MemorySegment header = Arena.ofAuto().allocate(VirtioHeader.SIZE_BYTES, 8);
    private final FrameVector vector = new FrameVector(1 + MOST_PARTS);

    TapWriter(TapQueue tap, Counts counts) {
        this.tap = tap;
        this.counts = counts;
        vector.set(0, header, 0, VirtioHeader.SIZE_BYTES);
    }

    @Override
    public void onFrame(ReceivedFrame frame) {
        int parts = frame.parts();
        if (parts > MOST_PARTS) {
            counts.add(Counts.Kind.RECEIVED_REFUSED, 1);
            return;
        }
        long offload = frame.offload();
        VirtioHeaders.put(header, offload, frame.facts());
        for (int part = 0; part < parts; part++) {
            vector.set(1 + part, frame.memory(part), frame.offset(part), frame.lengthBytes(part));
        }
        if (!tap.write(vector, 1 + parts)) {
            counts.add(Counts.Kind.RECEIVED_REFUSED, 1);
            return;
        }
        counts.add(Counts.Kind.RECEIVED_FRAMES, 1);
        counts.add(Counts.Kind.RECEIVED_BYTES, frame.lengthBytes());
        if (offload != 0) {
            counts.add(Counts.Kind.RECEIVED_UNFINISHED, 1);
        }
    }
}
