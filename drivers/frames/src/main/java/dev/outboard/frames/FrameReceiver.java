package dev.outboard.frames;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaMemory;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.net.FrameHandler;
import dev.outboard.driver.net.ReceiveQueue;
import dev.outboard.uio.Descriptor;
import java.util.Arrays;
import java.util.function.LongFunction;

/**
 * The receive queue: every buffer is either with the device, mapped, or here, unmapped. One thread.
 *
 * <p>A batch is unmapped with one request before any frame of it is shown, and mapped again with
 * one request after the last. While a batch is shown, the next one's unmapping is under way.
 */
public final class FrameReceiver implements ReceiveQueue, AutoCloseable {
    private static final int BATCH = 64;

    /** Two addresses and a type: no frame is shorter. */
    private static final int HEADER_BYTES = 14;

    private final Dma dma;
    private final ReceiveRing ring;
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
        final int[] facts = new int[BATCH];
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

    /**
     * Every buffer here, unmapped.
     *
     * @param ring closed by this
     * @param buffers borrowed: closed after this
     */
    public FrameReceiver(Dma dma, ReceiveRing ring, FrameBuffers buffers) {
        this.dma = dma;
        this.ring = ring;
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

    /** Hands the ring with its buffers to the device. */
    public void start() {
        refill();
        ring.start();
    }

    /** The device may begin: tells it of the buffers. */
    public void announce() {
        ring.publish();
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
            ring.publish();
        } else if (ring.outstanding() == 0) {
            refill();
            ring.publish();
        }
        return taken;
    }

    /** Begins to unmap what has come; false if nothing has. */
    private boolean take(Arrivals batch, int limit) {
        if (!batch.isEmpty()) {
            return true;
        }
        int count = Math.min(Math.min(ring.completed(), limit), BATCH);
        if (count <= 0) {
            return false;
        }
        for (int i = 0; i < count; i++) {
            int buffer = ring.take();
            batch.buffer[i] = buffer;
            batch.lengthBytes[i] = checked(ring.takenLength());
            batch.facts[i] = ring.takenFacts();
            batchIova[i] = mappedIova[buffer];
        }
        batch.ticket = dma.unmapAllLater(batchIova, batchBytes, count);
        for (int i = 0; i < count; i++) {
            mappedIova[batch.buffer[i]] = Dma.NO_IOVA;
        }
        batch.begin(count);
        return true;
    }

    private int checked(int lengthBytes) {
        if (lengthBytes < HEADER_BYTES && lengthBytes != ReceiveRing.DAMAGED) {
            throw new DeviceException(
                    "device sent a frame of %d bytes: shorter than its own header"
                            .formatted(lengthBytes));
        }
        if (lengthBytes > buffers.frameBytes()) {
            throw new DeviceException(
                    "device sent a frame of %d bytes into a buffer for %d"
                            .formatted(lengthBytes, buffers.frameBytes()));
        }
        return lengthBytes;
    }

    /** Shows frames of the oldest batch, which no device reaches any more. */
    private int deliver(FrameHandler handler, int limit) {
        int first = arrived.next;
        int end = first + Math.min(limit, arrived.left());
        for (int i = first; i < end; i++) {
            if (arrived.lengthBytes[i] != ReceiveRing.DAMAGED) {
                handler.onFrame(
                        buffers.memory(arrived.buffer[i]),
                        buffers.frameOffset(arrived.buffer[i]),
                        arrived.lengthBytes[i],
                        arrived.facts[i]);
            }
        }
        for (int i = end - 1; i >= first; i--) {
            idle[idleCount++] = arrived.buffer[i];
        }
        arrived.next = end;
        return end - first;
    }

    private void refill() {
        while (idleCount > 0 && ring.free() > 0) {
            int count = Math.min(Math.min(idleCount, ring.free()), BATCH);
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
                ring.add(batchIova[i], buffers.bufferBytes(), buffer);
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
        return ring.await(timeoutNanos);
    }

    @Override
    public Descriptor descriptor() {
        return ring.descriptor();
    }

    @Override
    public boolean arm() {
        boolean hasWork = ring.arm();
        if (!arrived.isEmpty()) {
            // They are here already: no interrupt tells of the end of their unmapping.
            dma.awaitUnmapped(arrived.ticket);
            return true;
        }
        return hasWork;
    }

    @Override
    public void disarm() {
        ring.disarm();
    }

    @Override
    public void wake() {
        ring.wake();
    }

    @Override
    public long frames() {
        return frames;
    }

    @Override
    public long interrupts() {
        return ring.interrupts();
    }

    /** Stops the queue, then unmaps what the device still had. */
    @Override
    public void close() {
        ring.close();
        for (int buffer = 0; buffer < mappedIova.length; buffer++) {
            if (mappedIova[buffer] != Dma.NO_IOVA) {
                dma.unmap(mappedIova[buffer], buffers.bufferBytes());
                mappedIova[buffer] = Dma.NO_IOVA;
            }
        }
    }
}
