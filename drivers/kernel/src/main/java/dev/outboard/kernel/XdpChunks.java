package dev.outboard.kernel;

import dev.outboard.dma.DmaMemory;
import dev.outboard.driver.net.SentListener;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.uio.net.XdpSocket;

/**
 * From the interface to the device, without a copy of ours: a chunk that the kernel has filled is
 * posted as it is, and is the kernel's to fill again when the device has sent it. The pair's
 * thread; no allocation.
 *
 * <pre>
 *   fill ring ──► kernel ──► receive ring ──► post ──► device ──► onSent ──► fill ring
 * </pre>
 */
final class XdpChunks implements SentListener {
    private static final int BATCH = 64;

    private final XdpSocket socket;
    private final TransmitQueue queue;
    private final Counts counts;
    private final DmaMemory memory;

    private final int chunkCount;

    /** Chunks that neither the kernel nor the device has. */
    private final int[] free;

    private int freeCount;

    /** Chunks that the device has. */
    private int posted;

    /** A frame that was received and has found no room at the device yet; or -1. */
    private int waitingChunk = -1;

    private boolean isFull;

    /**
     * @param memory the socket's, whose first chunks are for this direction
     * @param count how many
     */
    XdpChunks(XdpSocket socket, TransmitQueue queue, Counts counts, DmaMemory memory, int count) {
        this.socket = socket;
        this.queue = queue;
        this.counts = counts;
        this.memory = memory;
        chunkCount = count;
        free = new int[count];
        for (int chunk = 0; chunk < count; chunk++) {
            free[freeCount++] = chunk;
        }
        queue.onSent(this);
        refill();
    }

    @Override
    public void onSent(int token) {
        posted--;
        free[freeCount++] = token;
    }

    /** Moves what waits; how many frames. */
    int move() {
        int taken = 0;
        isFull = false;
        while (taken < BATCH) {
            if (waitingChunk < 0 && !socket.nextReceived()) {
                break;
            }
            waitingChunk = (int) (socket.receivedOffset() / XdpSocket.CHUNK_BYTES);
            int outcome = post();
            if (outcome == 0) {
                isFull = true;
                break;
            }
            waitingChunk = -1;
            taken++;
        }
        socket.flushReceived();
        if (queue.pending() > 0) {
            queue.flush();
        }
        refill();
        return taken;
    }

    /** 0 if there is no room. */
    private int post() {
        int bytes = socket.receivedBytes();
        if (bytes < 14) {
            free[freeCount++] = waitingChunk;
            counts.add(Counts.Kind.SENT_REFUSED, 1);
            return 1;
        }
        if (!queue.post(
                memory.physicalAddress() + socket.receivedOffset(), bytes, 0, waitingChunk)) {
            queue.flush();
            if (!queue.post(
                    memory.physicalAddress() + socket.receivedOffset(), bytes, 0, waitingChunk)) {
                return 0;
            }
        }
        posted++;
        counts.add(Counts.Kind.SENT_FRAMES, 1);
        counts.add(Counts.Kind.SENT_BYTES, bytes);
        return 1;
    }

    private void refill() {
        while (freeCount > 0 && socket.fill((long) free[freeCount - 1] * XdpSocket.CHUNK_BYTES)) {
            freeCount--;
        }
        socket.flushFill();
    }

    /**
     * Whether the next thing to wait for is the device: it had no room, or it has most of the
     * chunks. While it has few, they come back unasked, with the next frames.
     */
    boolean isScarce() {
        return isFull || posted > chunkCount / 2;
    }

    /** Chunks that the device may still read. */
    int posted() {
        return posted;
    }
}
