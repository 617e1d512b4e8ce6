package dev.outboard.kernel;

import dev.outboard.dma.DmaMemory;
import dev.outboard.driver.net.ReceiveQueue;
import dev.outboard.driver.net.ReceivedFrame;
import dev.outboard.driver.net.ReceivedFrameHandler;
import dev.outboard.uio.net.XdpSocket;
import java.lang.foreign.MemorySegment;

/**
 * From the device to the interface. Where the queue takes buffers of ours, the device receives into
 * chunks of the socket's memory, and the kernel sends from there; what comes in other buffers, or
 * in several, is copied into a chunk. The pair's thread; no allocation.
 *
 * <pre>
 *   supply ──► device ──► onFrame ──► send ring ──► kernel ──► completion ring ──► supply
 * </pre>
 */
final class XdpSender implements ReceivedFrameHandler {
    /** Chunks that are never supplied, for what has to be copied. */
    private static final int SPARE_CHUNKS = 64;

    private final XdpSocket socket;
    private final ReceiveQueue queue;
    private final Counts counts;
    private final DmaMemory memory;
    private final boolean canSupply;
    private final int[] free;
    private int freeCount;

    /**
     * @param memory the socket's
     * @param first the first chunk for this direction
     * @param count how many
     */
    XdpSender(
            XdpSocket socket,
            ReceiveQueue queue,
            Counts counts,
            DmaMemory memory,
            int first,
            int count) {
        this.socket = socket;
        this.queue = queue;
        this.counts = counts;
        this.memory = memory;
        canSupply = queue.isSuppliable();
        free = new int[count];
        for (int i = 0; i < count; i++) {
            free[freeCount++] = first + i;
        }
        supply();
    }

    @Override
    public void onFrame(ReceivedFrame frame) {
        if (frame.parts() == 1 && frame.isSupplied(0)) {
            int chunk = frame.token(0);
            if (socket.send(frame.offset(0), frame.lengthBytes())) {
                received(frame.lengthBytes());
            } else {
                refuse(chunk);
            }
            return;
        }
        copy(frame);
        for (int part = 0; part < frame.parts(); part++) {
            if (frame.isSupplied(part)) {
                free[freeCount++] = frame.token(part);
            }
        }
    }

    private void received(int lengthBytes) {
        counts.add(Counts.Kind.RECEIVED_FRAMES, 1);
        counts.add(Counts.Kind.RECEIVED_BYTES, lengthBytes);
    }

    private void refuse(int chunk) {
        free[freeCount++] = chunk;
        counts.add(Counts.Kind.RECEIVED_REFUSED, 1);
    }

    private void copy(ReceivedFrame frame) {
        if (freeCount == 0) {
            socket.flushSend();
            reclaim();
        }
        int bytes = frame.lengthBytes();
        if (bytes > XdpSocket.CHUNK_BYTES || freeCount == 0) {
            counts.add(Counts.Kind.RECEIVED_REFUSED, 1);
            return;
        }
        int chunk = free[--freeCount];
        long at = (long) chunk * XdpSocket.CHUNK_BYTES;
        if (!socket.send(at, bytes)) {
            refuse(chunk);
            return;
        }
        // Before the entry is shown to the kernel, with the next flush.
        for (int part = 0; part < frame.parts(); part++) {
            int length = frame.lengthBytes(part);
            MemorySegment.copy(frame.memory(part), frame.offset(part), memory.memory(), at, length);
            at += length;
        }
        received(bytes);
    }

    /** Has the kernel send what was added, takes back what it has sent, and supplies that anew. */
    void flush() {
        if (!socket.flushSend()) {
            reclaim();
            socket.flushSend();
        }
        reclaim();
        supply();
    }

    private void reclaim() {
        for (long offset = socket.completed(); offset >= 0; offset = socket.completed()) {
            free[freeCount++] = (int) (offset / XdpSocket.CHUNK_BYTES);
        }
        socket.flushCompleted();
    }

    private void supply() {
        while (canSupply && freeCount > SPARE_CHUNKS) {
            int chunk = free[freeCount - 1];
            long at = (long) chunk * XdpSocket.CHUNK_BYTES;
            if (!queue.supply(
                    memory.memory(),
                    at,
                    memory.physicalAddress() + at,
                    XdpSocket.CHUNK_BYTES,
                    chunk)) {
                return;
            }
            freeCount--;
        }
    }
}
