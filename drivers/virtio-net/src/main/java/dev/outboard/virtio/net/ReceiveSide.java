package dev.outboard.virtio.net;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaMemory;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.net.FrameHandler;
import dev.outboard.driver.net.ReceiveQueue;
import dev.outboard.virtio.DriverQueue;
import dev.outboard.virtio.NetDescriptor;
import java.util.Arrays;
import java.util.function.LongFunction;

/**
 * The receive queue: every buffer is either with the device, mapped, or here, unmapped. One thread.
 *
 * <p>A batch is unmapped with one request before any frame of it is shown, and mapped again with
 * one request after the last. While a batch is shown, the next one's unmapping is under way.
 */
final class ReceiveSide implements ReceiveQueue, AutoCloseable {
    private static final int BATCH = 64;

    private final Dma dma;
    private final QueueSide side;
    private final DriverQueue queue;
    private final FrameBuffers buffers;
    private final long[] mappedIova;

    /** The oldest batch, and the one after it, whose unmapping may be under way. */
    private Arrivals arrived = new Arrivals();

    private Arrivals arriving = new Arrivals();

    private final long[] batchIova = new long[BATCH];
    private final long[] batchPhysical = new long[BATCH];
    private final int[] batchBytes = new int[BATCH];

    /** Buffers that could not be mapped, for want of IOVAs, and wait for the next turn. */
    private final int[] idle;

    private int idleCount;
    private long frames;

    /** Frames that have come, in buffers that are unmapped or about to be. */
    private static final class Arrivals {
        final int[] buffer = new int[BATCH];
        final int[] lengthBytes = new int[BATCH];
        long ticket;
        int next;
        int end;

        boolean isEmpty() {
            return next == end;
        }

        int left() {
            return end - next;
        }

        void begin(int count) {
            next = 0;
            end = count;
        }
    }

    ReceiveSide(Dma dma, QueueSide side, FrameBuffers buffers) {
        this.dma = dma;
        this.side = side;
        this.queue = side.queue();
        this.buffers = buffers;
        this.mappedIova = new long[buffers.count()];
        this.idle = new int[buffers.count()];
        Arrays.fill(mappedIova, Dma.NO_IOVA);
        Arrays.fill(batchBytes, buffers.bufferBytes());
        for (int i = 0; i < buffers.count(); i++) {
            idle[i] = buffers.count() - 1 - i;
        }
        idleCount = buffers.count();
    }

    void start() {
        refill();
        side.start();
    }

    /** The device may begin: tells it of the buffers. */
    void announce() {
        side.publish();
    }

    @Override
    public int poll(FrameHandler handler, int limit) {
        int taken = 0;
        while (taken < limit && (!arrived.isEmpty() || take(arrived, limit - taken))) {
            if (!dma.isUnmapped(arrived.ticket)) {
                // The device may still change these frames; they come with the next call.
                break;
            }
            // Unmapped while the frames before it are handled.
            take(arriving, limit - taken - arrived.left());
            taken += deliver(handler, limit - taken);
            refill();
            if (arrived.isEmpty()) {
                Arrivals empty = arrived;
                arrived = arriving;
                arriving = empty;
            }
        }
        if (taken > 0) {
            frames += taken;
            side.publish();
        } else if (queue.outstanding() == 0) {
            refill();
            side.publish();
        }
        return taken;
    }

    /** Begins to unmap what has come; false if nothing has. */
    private boolean take(Arrivals batch, int limit) {
        if (!batch.isEmpty()) {
            return true;
        }
        int count = Math.min(Math.min(queue.completed(), limit), BATCH);
        if (count <= 0) {
            return false;
        }
        for (int i = 0; i < count; i++) {
            int buffer = queue.take();
            int length = queue.takenLength() - NetDescriptor.HEADER_BYTES;
            if (length < NetDescriptor.ETHERNET_HEADER_BYTES) {
                throw new DeviceException(
                        "device sent a frame of " + length + " bytes: shorter than its own header");
            }
            batch.buffer[i] = buffer;
            batch.lengthBytes[i] = length;
            batchIova[i] = mappedIova[buffer];
        }
        batch.ticket = dma.unmapAllLater(batchIova, batchBytes, count);
        for (int i = 0; i < count; i++) {
            mappedIova[batch.buffer[i]] = Dma.NO_IOVA;
        }
        batch.begin(count);
        return true;
    }

    /** Shows frames of the oldest batch, which no device reaches any more. */
    private int deliver(FrameHandler handler, int limit) {
        int first = arrived.next;
        int end = first + Math.min(limit, arrived.left());
        for (int i = first; i < end; i++) {
            handler.onFrame(
                    buffers.memory(arrived.buffer[i]),
                    buffers.frameOffset(arrived.buffer[i]),
                    arrived.lengthBytes[i]);
        }
        for (int i = end - 1; i >= first; i--) {
            idle[idleCount++] = arrived.buffer[i];
        }
        arrived.next = end;
        return end - first;
    }

    private void refill() {
        while (idleCount > 0 && queue.free() > 0) {
            int count = Math.min(Math.min(idleCount, queue.free()), BATCH);
            for (int i = 0; i < count; i++) {
                int buffer = idle[idleCount - 1 - i];
                buffers.moved(buffer);
                batchPhysical[i] = buffers.headerPhysicalAddress(buffer);
            }
            int mapped =
                    dma.mapAll(
                            batchPhysical, batchBytes, batchIova, count, DmaDirection.FROM_DEVICE);
            for (int i = 0; i < mapped; i++) {
                int buffer = idle[--idleCount];
                mappedIova[buffer] = batchIova[i];
                queue.add(batchIova[i], buffers.bufferBytes(), true, buffer);
            }
            if (mapped < count) {
                return;
            }
        }
    }

    @Override
    public boolean move(LongFunction<DmaMemory> allocator) {
        return buffers.move(allocator);
    }

    @Override
    public boolean await(long timeoutNanos) {
        if (!arrived.isEmpty()) {
            // They are here already: no interrupt tells of the end of their unmapping.
            dma.awaitUnmapped(arrived.ticket);
            return true;
        }
        return side.await(timeoutNanos);
    }

    @Override
    public long frames() {
        return frames;
    }

    @Override
    public long interrupts() {
        return side.interrupts();
    }

    /** Stops the queue, then unmaps what the device still had. */
    @Override
    public void close() {
        side.close();
        for (int buffer = 0; buffer < mappedIova.length; buffer++) {
            if (mappedIova[buffer] != Dma.NO_IOVA) {
                dma.unmap(mappedIova[buffer], buffers.bufferBytes());
                mappedIova[buffer] = Dma.NO_IOVA;
            }
        }
    }
}
