package dev.outboard.kernel;

import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.uio.net.FrameVector;
import dev.outboard.uio.net.TapQueue;
import dev.outboard.uio.net.VirtioHeader;

/**
 * For a device that cuts no segments: a frame is read into one of the queue's own buffers. One is
 * always claimed ahead, so that a look that finds no frame costs one system call.
 */
final class BufferSource extends FrameSource {
    private final TapQueue tap;
    private final TransmitQueue queue;
    private final FrameVector vector = vector();
    private int buffer = TransmitQueue.NONE;
    private boolean isFull;

    BufferSource(TapQueue tap, TransmitQueue queue, Counts counts) {
        super(counts);
        this.tap = tap;
        this.queue = queue;
    }

    @Override
    int move() {
        int taken = 0;
        isFull = false;
        while (taken < BATCH) {
            if (buffer == TransmitQueue.NONE && !claim()) {
                isFull = true;
                break;
            }
            long bytes = tap.read(vector, 3);
            if (bytes == 0) {
                break;
            }
            taken++;
            commit(bytes - VirtioHeader.SIZE_BYTES);
        }
        if (queue.pending() > 0) {
            queue.flush();
        }
        return taken;
    }

    private boolean claim() {
        buffer = queue.claim();
        if (buffer == TransmitQueue.NONE) {
            return false;
        }
        vector.set(1, queue.memory(), queue.offset(buffer), queue.capacityBytes());
        return true;
    }

    private void commit(long lengthBytes) {
        int length = (int) lengthBytes;
        if (length > queue.capacityBytes()) {
            counts().add(Counts.Kind.SENT_REFUSED, 1);
            return;
        }
        long offload =
                VirtioHeaders.offload(header(), queue.memory(), queue.offset(buffer), length);
        if (offload == VirtioHeaders.UNKNOWN) {
            counts().add(Counts.Kind.SENT_REFUSED, 1);
            return;
        }
        queue.commit(buffer, length, offload);
        buffer = TransmitQueue.NONE;
        sent(length, offload);
    }

    @Override
    boolean isFull() {
        return isFull;
    }

    @Override
    public void close() {
        if (buffer != TransmitQueue.NONE) {
            queue.abandon(buffer);
            buffer = TransmitQueue.NONE;
        }
    }
}
