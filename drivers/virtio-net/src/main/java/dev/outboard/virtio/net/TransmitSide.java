package dev.outboard.virtio.net;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.ScatterGatherList;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.virtio.DriverQueue;
import dev.outboard.virtio.NetDescriptor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.function.LongFunction;

/**
 * The transmit queue. A buffer is free, claimed by the client, committed, or with the device and
 * mapped. One thread.
 */
final class TransmitSide implements TransmitQueue, AutoCloseable {
    private static final int BATCH = 64;

    /** The most parts of a gathered frame: a header and 64 KiB in pages, not aligned. */
    static final int MAXIMUM_PARTS = 18;

    private final Dma dma;
    private final QueueSide side;
    private final DriverQueue queue;
    private final FrameBuffers buffers;

    private final long[] mappedIova;
    private final int[] lengths;
    private final ScatterGatherList[] gathered;

    private final int[] freeStack;
    private int freeCount;

    /** Committed buffers in order: a ring of as many places as there are buffers. */
    private final int[] committed;

    private int committedHead;
    private int committedCount;

    private final int[] batchBuffer = new int[BATCH];
    private final long[] batchPhysical = new long[BATCH];
    private final long[] batchIova = new long[BATCH];
    private final int[] batchBytes = new int[BATCH];

    /** Buffers that the device is done with, while their unmapping is under way. */
    private final int[] leaving = new int[BATCH];

    private int leavingCount;
    private long leavingTicket;

    private long frames;

    TransmitSide(Dma dma, QueueSide side, FrameBuffers buffers) {
        this.dma = dma;
        this.side = side;
        this.queue = side.queue();
        this.buffers = buffers;
        int count = buffers.count();
        this.mappedIova = new long[count];
        this.lengths = new int[count];
        this.gathered = new ScatterGatherList[count];
        this.freeStack = new int[count];
        this.committed = new int[count];
        Arrays.fill(mappedIova, Dma.NO_IOVA);
        for (int i = 0; i < count; i++) {
            freeStack[i] = count - 1 - i;
        }
        freeCount = count;
        // Half a ring a wake-up: a sender that waits for room is woken for a batch, not for a
        // frame.
        queue.wakeAfter(Math.max(1, count / 2));
    }

    void start() {
        side.start();
    }

    @Override
    public int claim() {
        if (freeCount == 0) {
            reclaim();
            if (freeCount == 0) {
                return NONE;
            }
        }
        return freeStack[--freeCount];
    }

    @Override
    public MemorySegment memory() {
        return buffers.memory();
    }

    @Override
    public long offset(int buffer) {
        return buffers.frameOffset(buffer);
    }

    @Override
    public int capacityBytes() {
        return buffers.frameBytes();
    }

    @Override
    public void commit(int buffer, int lengthBytes) {
        if (lengthBytes < NetDescriptor.ETHERNET_HEADER_BYTES
                || lengthBytes > buffers.frameBytes()) {
            throw new IllegalArgumentException(
                    "lengthBytes="
                            + lengthBytes
                            + " is not a frame: 14 to "
                            + buffers.frameBytes()
                            + " bytes");
        }
        lengths[buffer] = NetDescriptor.HEADER_BYTES + lengthBytes;
        int at = committedHead + committedCount;
        committed[at < committed.length ? at : at - committed.length] = buffer;
        committedCount++;
    }

    @Override
    public void abandon(int buffer) {
        freeStack[freeCount++] = buffer;
    }

    @Override
    public boolean transmit(ScatterGatherList frame) {
        if (frame.count() >= MAXIMUM_PARTS) {
            throw new IllegalArgumentException(
                    "a frame of " + frame.count() + " parts: at most " + (MAXIMUM_PARTS - 1));
        }
        reclaim();
        if (freeCount == 0 || !queue.hasRoom(frame.count() + 1)) {
            return false;
        }
        int header = freeStack[freeCount - 1];
        long headerIova =
                dma.map(
                        buffers.headerPhysicalAddress(header),
                        NetDescriptor.HEADER_BYTES,
                        DmaDirection.TO_DEVICE);
        if (headerIova == Dma.NO_IOVA) {
            return false;
        }
        if (!dma.map(frame, DmaDirection.TO_DEVICE)) {
            dma.unmap(headerIova, NetDescriptor.HEADER_BYTES);
            return false;
        }
        freeCount--;
        mappedIova[header] = headerIova;
        lengths[header] = NetDescriptor.HEADER_BYTES;
        gathered[header] = frame;
        queue.part(headerIova, NetDescriptor.HEADER_BYTES, false);
        // What is contiguous for the device takes one descriptor, however many parts it has here.
        for (int i = 0; i < frame.deviceCount(); i++) {
            queue.part(frame.deviceIova(i), frame.deviceLengthBytes(i), false);
        }
        queue.add(header);
        side.publish();
        return true;
    }

    @Override
    public int flush() {
        reclaim();
        int sent = 0;
        while (committedCount > 0 && queue.free() > 0) {
            int count = Math.min(Math.min(committedCount, queue.free()), BATCH);
            int mapped = mapBatch(count);
            for (int i = 0; i < mapped; i++) {
                int buffer = batchBuffer[i];
                mappedIova[buffer] = batchIova[i];
                queue.add(batchIova[i], batchBytes[i], false, buffer);
            }
            committedHead = (committedHead + mapped) % committed.length;
            committedCount -= mapped;
            sent += mapped;
            if (mapped < count) {
                break;
            }
        }
        if (sent > 0) {
            side.publish();
        }
        return sent;
    }

    private int mapBatch(int count) {
        int at = committedHead;
        for (int i = 0; i < count; i++) {
            int buffer = committed[at];
            at = at + 1 < committed.length ? at + 1 : 0;
            batchBuffer[i] = buffer;
            batchPhysical[i] = buffers.headerPhysicalAddress(buffer);
            batchBytes[i] = lengths[buffer];
        }
        return dma.mapAll(batchPhysical, batchBytes, batchIova, count, DmaDirection.TO_DEVICE);
    }

    /**
     * Takes back what the device is done with, without waiting: a device that is just inside a DMA
     * section forgets a batch later, and its buffers are free with the next call.
     */
    private void reclaim() {
        int available = queue.completed();
        while (hasNoneLeaving() && available > 0) {
            int count = Math.min(available, BATCH);
            for (int i = 0; i < count; i++) {
                int buffer = queue.take();
                leaving[i] = buffer;
                batchIova[i] = mappedIova[buffer];
                batchBytes[i] = lengths[buffer];
                mappedIova[buffer] = Dma.NO_IOVA;
            }
            leavingTicket = dma.unmapAllLater(batchIova, batchBytes, count);
            leavingCount = count;
            frames += count;
            available -= count;
        }
    }

    private boolean hasNoneLeaving() {
        if (leavingCount > 0 && dma.isUnmapped(leavingTicket)) {
            freeLeaving();
        }
        return leavingCount == 0;
    }

    private void freeLeaving() {
        for (int i = 0; i < leavingCount; i++) {
            free(leaving[i]);
        }
        leavingCount = 0;
    }

    /** If a device is stuck, the buffers stay out of use: it may still reach them. */
    private void awaitLeaving() {
        dma.awaitUnmapped(leavingTicket);
        freeLeaving();
    }

    private void free(int buffer) {
        if (gathered[buffer] != null) {
            dma.unmap(gathered[buffer]);
            gathered[buffer] = null;
        }
        freeStack[freeCount++] = buffer;
    }

    @Override
    public boolean move(LongFunction<DmaMemory> allocator) {
        reclaim();
        if (!hasNoneLeaving() || freeCount < buffers.count() || !buffers.move(allocator)) {
            return false;
        }
        for (int buffer = 0; buffer < buffers.count(); buffer++) {
            buffers.moved(buffer);
        }
        return true;
    }

    @Override
    public int pending() {
        reclaim();
        return committedCount + queue.outstanding();
    }

    @Override
    public boolean await(long timeoutNanos) {
        if (leavingCount > 0) {
            // No interrupt tells of their end.
            awaitLeaving();
            return true;
        }
        return side.await(timeoutNanos);
    }

    @Override
    public long frames() {
        return frames;
    }

    @Override
    public long doorbells() {
        return side.doorbells();
    }

    /** Stops the queue, then unmaps what the device still had. */
    @Override
    public void close() {
        side.close();
        if (leavingCount > 0) {
            awaitLeaving();
        }
        for (int buffer = 0; buffer < mappedIova.length; buffer++) {
            if (mappedIova[buffer] != Dma.NO_IOVA) {
                dma.unmap(mappedIova[buffer], lengths[buffer]);
                mappedIova[buffer] = Dma.NO_IOVA;
                free(buffer);
            }
        }
    }
}
