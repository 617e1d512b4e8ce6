package dev.outboard.frames;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.ScatterGatherList;
import dev.outboard.driver.net.FrameOffload;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.uio.Descriptor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.function.LongFunction;

/**
 * The transmit ring. A buffer is free, claimed by the client, committed, or with the device and
 * mapped. One thread.
 */
public final class FrameTransmitter implements TransmitQueue, AutoCloseable {
    private static final int BATCH = 64;

    /** Two addresses and a type: no frame is shorter. */
    private static final int HEADER_BYTES = 14;

    private final Dma dma;
    private final TransmitRing ring;
    private final FrameBuffers buffers;

    /** What the device can do to frames: {@link FrameOffload}. */
    private final int offloads;

    private final long[] mappedIova;

    /** Mapped of a buffer, with what stands before the frame. */
    private final int[] lengths;

    private final long[] offload;
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

    /**
     * Every buffer free.
     *
     * @param ring closed by this
     * @param buffers borrowed: closed after this
     * @param offloads what the device can do to frames: capabilities of {@link FrameOffload}
     */
    public FrameTransmitter(Dma dma, TransmitRing ring, FrameBuffers buffers, int offloads) {
        this.dma = dma;
        this.ring = ring;
        this.buffers = buffers;
        this.offloads = offloads;
        int count = buffers.count();
        this.mappedIova = new long[count];
        this.lengths = new int[count];
        this.offload = new long[count];
        this.gathered = new ScatterGatherList[count];
        this.freeStack = new int[count];
        this.committed = new int[count];
        Arrays.fill(mappedIova, Dma.NO_IOVA);
        for (int i = 0; i < count; i++) {
            freeStack[i] = count - 1 - i;
        }
        freeCount = count;
    }

    /** Hands the ring to the device. */
    public void start() {
        ring.start();
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
        commit(buffer, lengthBytes, FrameOffload.NONE);
    }

    @Override
    public void commit(int buffer, int lengthBytes, long wanted) {
        checkLength(lengthBytes);
        prepare(buffer, lengthBytes, lengthBytes, wanted);
        int at = committedHead + committedCount;
        committed[at < committed.length ? at : at - committed.length] = buffer;
        committedCount++;
    }

    private void checkLength(int lengthBytes) {
        if (lengthBytes < HEADER_BYTES || lengthBytes > buffers.frameBytes()) {
            throw new IllegalArgumentException(
                    "lengthBytes="
                            + lengthBytes
                            + " is not a frame: 14 to "
                            + buffers.frameBytes()
                            + " bytes");
        }
    }

    /** Only headers that are in the buffer can be what the device changes. */
    private void prepare(int buffer, int inBufferBytes, int frameBytes, long wanted) {
        if (wanted != FrameOffload.NONE) {
            checkOffload(inBufferBytes, wanted);
        }
        ring.prepare(buffers.memory(), buffers.frameOffset(buffer), frameBytes, wanted);
        lengths[buffer] = buffers.frontBytes() + inBufferBytes;
        offload[buffer] = wanted;
    }

    private void checkOffload(int inBufferBytes, long wanted) {
        if ((FrameOffload.needed(wanted) & ~offloads) != 0) {
            throw new UnsupportedOperationException(
                    "this device cannot do that to a frame: offload=0x%x".formatted(wanted));
        }
        int sumEnd = FrameOffload.startBytes(wanted) + FrameOffload.offsetBytes(wanted) + 2;
        if (Math.max(sumEnd, FrameOffload.headersBytes(wanted)) > inBufferBytes
                || FrameOffload.startBytes(wanted) < HEADER_BYTES) {
            throw new IllegalArgumentException(
                    "offload=0x%x names more than the %d bytes of the buffer"
                            .formatted(wanted, inBufferBytes));
        }
    }

    @Override
    public void abandon(int buffer) {
        freeStack[freeCount++] = buffer;
    }

    @Override
    public boolean transmit(ScatterGatherList frame) {
        checkParts(frame);
        reclaim();
        if (freeCount == 0) {
            return false;
        }
        int buffer = freeStack[freeCount - 1];
        prepare(buffer, 0, 0, FrameOffload.NONE);
        if (!gather(buffer, frame)) {
            return false;
        }
        freeCount--;
        return true;
    }

    @Override
    public boolean transmit(int buffer, int headersBytes, ScatterGatherList payload, long wanted) {
        checkLength(headersBytes);
        checkParts(payload);
        reclaim();
        int frameBytes = headersBytes;
        for (int i = 0; i < payload.count(); i++) {
            frameBytes += payload.lengthBytes(i);
        }
        prepare(buffer, headersBytes, frameBytes, wanted);
        return gather(buffer, payload);
    }

    private void checkParts(ScatterGatherList frame) {
        if (frame.count() >= ring.maximumParts()) {
            throw new IllegalArgumentException(
                    "a frame of " + frame.count() + " parts: at most " + (ring.maximumParts() - 1));
        }
    }

    /** What is of the frame in a buffer, and the rest where it is; at once. */
    private boolean gather(int buffer, ScatterGatherList rest) {
        if (!ring.hasRoom(rest.count() + 1)) {
            return false;
        }
        int headBytes = lengths[buffer];
        long headIova = Dma.NO_IOVA;
        if (headBytes > 0) {
            headIova =
                    dma.map(
                            buffers.headerPhysicalAddress(buffer),
                            headBytes,
                            DmaDirection.TO_DEVICE);
            if (headIova == Dma.NO_IOVA) {
                return false;
            }
        }
        if (!dma.map(rest, DmaDirection.TO_DEVICE)) {
            if (headBytes > 0) {
                dma.unmap(headIova, headBytes);
            }
            return false;
        }
        mappedIova[buffer] = headIova;
        gathered[buffer] = rest;
        if (headBytes > 0) {
            ring.part(headIova, headBytes);
        }
        // What is contiguous for the device takes one descriptor, however many parts it has here.
        for (int i = 0; i < rest.deviceCount(); i++) {
            ring.part(rest.deviceIova(i), rest.deviceLengthBytes(i));
        }
        ring.add(buffer, offload[buffer]);
        ring.publish();
        return true;
    }

    @Override
    public int flush() {
        reclaim();
        int sent = 0;
        while (committedCount > 0 && ring.free() > 0) {
            int count = Math.min(Math.min(committedCount, ring.free()), BATCH);
            int mapped = mapBatch(count);
            for (int i = 0; i < mapped; i++) {
                int buffer = batchBuffer[i];
                mappedIova[buffer] = batchIova[i];
                ring.add(batchIova[i], batchBytes[i], buffer, offload[buffer]);
            }
            committedHead = (committedHead + mapped) % committed.length;
            committedCount -= mapped;
            sent += mapped;
            if (mapped < count) {
                break;
            }
        }
        if (sent > 0) {
            ring.publish();
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
        int available = ring.completed();
        while (hasNoneLeaving() && available > 0) {
            int count = Math.min(available, BATCH);
            int mapped = 0;
            for (int i = 0; i < count; i++) {
                int buffer = ring.take();
                leaving[i] = buffer;
                if (mappedIova[buffer] != Dma.NO_IOVA) {
                    batchIova[mapped] = mappedIova[buffer];
                    batchBytes[mapped] = lengths[buffer];
                    mapped++;
                    mappedIova[buffer] = Dma.NO_IOVA;
                }
            }
            leavingTicket =
                    mapped == 0 ? Dma.UNMAPPED : dma.unmapAllLater(batchIova, batchBytes, mapped);
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
        return committedCount + ring.outstanding();
    }

    @Override
    public boolean await(long timeoutNanos) {
        if (leavingCount > 0) {
            // No interrupt tells of their end.
            awaitLeaving();
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
        if (leavingCount > 0) {
            // No interrupt tells of their end.
            awaitLeaving();
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
    public long doorbells() {
        return ring.doorbells();
    }

    /** Stops the queue, then unmaps what the device still had. */
    @Override
    public void close() {
        ring.close();
        if (leavingCount > 0) {
            awaitLeaving();
        }
        for (int buffer = 0; buffer < mappedIova.length; buffer++) {
            if (mappedIova[buffer] != Dma.NO_IOVA) {
                dma.unmap(mappedIova[buffer], lengths[buffer]);
                mappedIova[buffer] = Dma.NO_IOVA;
            }
            if (gathered[buffer] != null) {
                dma.unmap(gathered[buffer]);
                gathered[buffer] = null;
            }
        }
    }
}
