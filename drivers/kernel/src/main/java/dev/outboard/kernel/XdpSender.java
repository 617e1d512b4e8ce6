package dev.outboard.kernel;

import dev.outboard.driver.net.ReceivedFrame;
import dev.outboard.driver.net.ReceivedFrameHandler;
import dev.outboard.uio.net.XdpSocket;
import java.lang.foreign.MemorySegment;

/**
 * From the device to the interface: a received frame goes into a chunk, with one copy, and the
 * chunk comes back when the kernel has sent it. The pair's thread; no allocation.
 */
final class XdpSender implements ReceivedFrameHandler {
    private final XdpSocket socket;
    private final Counts counts;
    private final MemorySegment memory;
    private final int[] free;
    private int freeCount;

    /**
     * @param memory the socket's
     * @param first the first chunk for this direction
     * @param count how many
     */
    XdpSender(XdpSocket socket, Counts counts, MemorySegment memory, int first, int count) {
        this.socket = socket;
        this.counts = counts;
        this.memory = memory;
        free = new int[count];
        for (int i = 0; i < count; i++) {
            free[freeCount++] = first + i;
        }
    }

    @Override
    public void onFrame(ReceivedFrame frame) {
        int bytes = frame.lengthBytes();
        if (freeCount == 0) {
            socket.flushSend();
            reclaim();
        }
        if (bytes > XdpSocket.CHUNK_BYTES || freeCount == 0) {
            counts.add(Counts.Kind.RECEIVED_REFUSED, 1);
            return;
        }
        long chunkOffset = (long) free[freeCount - 1] * XdpSocket.CHUNK_BYTES;
        if (!socket.send(chunkOffset, bytes)) {
            counts.add(Counts.Kind.RECEIVED_REFUSED, 1);
            return;
        }
        freeCount--;
        long at = chunkOffset;
        for (int part = 0; part < frame.parts(); part++) {
            int length = frame.lengthBytes(part);
            MemorySegment.copy(frame.memory(part), frame.offset(part), memory, at, length);
            at += length;
        }
        counts.add(Counts.Kind.RECEIVED_FRAMES, 1);
        counts.add(Counts.Kind.RECEIVED_BYTES, bytes);
    }

    /** Has the kernel send what was added, and takes back what it has sent. */
    void flush() {
        reclaim();
        if (!socket.flushSend()) {
            reclaim();
            socket.flushSend();
        }
        reclaim();
    }

    private void reclaim() {
        for (long offset = socket.completed(); offset >= 0; offset = socket.completed()) {
            free[freeCount++] = (int) (offset / XdpSocket.CHUNK_BYTES);
        }
        socket.flushCompleted();
    }
}
