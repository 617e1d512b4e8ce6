package dev.outboard.virtio.blk;

import dev.outboard.dma.CoherentMemory;
import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaMemory;
import dev.outboard.driver.Device;
import dev.outboard.driver.Doorbell;
import dev.outboard.driver.block.BlockQueue;
import dev.outboard.driver.block.BlockStatus;
import dev.outboard.driver.block.CompletionHandler;
import dev.outboard.uio.Interrupt;
import dev.outboard.uio.Resources;
import dev.outboard.virtio.BlockDescriptor;
import dev.outboard.virtio.DriverQueue;
import dev.outboard.virtio.VirtqueueDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * A queue of requests. Each request has a slot in coherent memory: its header, which the device
 * reads, and its status, which the device writes. One thread.
 *
 * <pre>
 *   slot:  0               16       17       64
 *          +---------------+--------+--------+
 *          | header        | status | unused |
 *          +---------------+--------+--------+
 * </pre>
 */
final class RequestQueue implements BlockQueue, AutoCloseable {
    private static final int SLOT_BYTES = 64;
    private static final int STATUS_OFFSET = BlockDescriptor.HEADER_BYTES;

    /** What the status byte holds until the device writes it: no status of the specification. */
    private static final byte STATUS_UNWRITTEN = (byte) 0xff;

    private final Device device;
    private final Dma dma;
    private final BlockConfig config;
    private final int index;
    private final DriverQueue queue;
    private final Interrupt interrupt;
    private final CoherentMemory slots;
    private final MemorySegment slotMemory;
    private final int depth;

    private final long[] tags;
    private final long[] dataIova;
    private final int[] dataBytes;
    private final int[] freeSlots;
    private int freeCount;

    /** Flushes of a disk without a write cache: done before they are asked. */
    private final long[] doneTags;

    private int doneCount;

    /** What one poll takes from the ring. */
    private final int[] doneSlots;

    private final long[] batchIova;
    private final int[] batchBytes;
    private Doorbell doorbell;
    private boolean closed;

    RequestQueue(
            Device device,
            BlockConfig config,
            int index,
            DriverQueue queue,
            int depth,
            Resources resources) {
        this.device = device;
        this.dma = device.dma();
        this.config = config;
        this.index = index;
        this.queue = queue;
        this.depth = depth;
        this.slots = resources.add(dma.allocateCoherent((long) depth * SLOT_BYTES));
        this.slotMemory = slots.memory();
        this.tags = new long[depth];
        this.dataIova = new long[depth];
        this.dataBytes = new int[depth];
        this.freeSlots = new int[depth];
        this.doneTags = new long[depth];
        this.doneSlots = new int[depth];
        this.batchIova = new long[depth];
        this.batchBytes = new int[depth];
        Arrays.fill(dataIova, Dma.NO_IOVA);
        for (int i = 0; i < depth; i++) {
            freeSlots[i] = depth - 1 - i;
        }
        freeCount = depth;
        interrupt = resources.add(device.queues().interrupt(index, queue));
    }

    void start() {
        doorbell = device.queues().start(index, queue.addresses());
    }

    @Override
    public int depth() {
        return depth;
    }

    @Override
    public int free() {
        return freeCount - doneCount;
    }

    @Override
    public boolean read(
            long sector, DmaMemory target, long offsetBytes, int lengthBytes, long tag) {
        return transfer(
                BlockDescriptor.TYPE_IN,
                DmaDirection.FROM_DEVICE,
                sector,
                target,
                offsetBytes,
                lengthBytes,
                tag);
    }

    @Override
    public boolean write(
            long sector, DmaMemory source, long offsetBytes, int lengthBytes, long tag) {
        if (config.readOnly()) {
            throw new IllegalArgumentException("disk " + device.name() + " is read-only");
        }
        return transfer(
                BlockDescriptor.TYPE_OUT,
                DmaDirection.TO_DEVICE,
                sector,
                source,
                offsetBytes,
                lengthBytes,
                tag);
    }

    private boolean transfer(
            int type,
            DmaDirection direction,
            long sector,
            DmaMemory memory,
            long offsetBytes,
            int lengthBytes,
            long tag) {
        check(sector, memory, offsetBytes, lengthBytes);
        int pieces = (lengthBytes + config.segmentBytes() - 1) / config.segmentBytes();
        if (free() == 0 || !queue.hasRoom(pieces + 2)) {
            return false;
        }
        long iova = dma.map(memory.physicalAddress() + offsetBytes, lengthBytes, direction);
        if (iova == Dma.NO_IOVA) {
            return false;
        }
        int slot = take(type, sector, tag);
        dataIova[slot] = iova;
        dataBytes[slot] = lengthBytes;
        boolean deviceWrites = direction == DmaDirection.FROM_DEVICE;
        for (int done = 0; done < lengthBytes; done += config.segmentBytes()) {
            int piece = Math.min(config.segmentBytes(), lengthBytes - done);
            queue.part(iova + done, piece, deviceWrites);
        }
        finish(slot);
        return true;
    }

    private void check(long sector, DmaMemory memory, long offsetBytes, int lengthBytes) {
        long start = sector * BlockDescriptor.SECTOR_BYTES;
        if (lengthBytes <= 0
                || lengthBytes % config.blockBytes() != 0
                || start % config.blockBytes() != 0
                || lengthBytes > config.requestBytes()) {
            throw new IllegalArgumentException(
                    "sector=%d lengthBytes=%d: reads and writes are whole blocks of %d, at most %d"
                            .formatted(
                                    sector,
                                    lengthBytes,
                                    config.blockBytes(),
                                    config.requestBytes()));
        }
        if (sector < 0
                || sector > config.capacityBytes() / BlockDescriptor.SECTOR_BYTES
                || lengthBytes > config.capacityBytes() - start) {
            throw new IllegalArgumentException(
                    "sector=%d lengthBytes=%d is not on the disk: capacityBytes=%d"
                            .formatted(sector, lengthBytes, config.capacityBytes()));
        }
        if (offsetBytes < 0 || offsetBytes > memory.lengthBytes() - lengthBytes) {
            throw new IllegalArgumentException(
                    "offsetBytes=%d lengthBytes=%d is not in the memory: lengthBytes=%d"
                            .formatted(offsetBytes, lengthBytes, memory.lengthBytes()));
        }
    }

    @Override
    public boolean flush(long tag) {
        if (free() == 0) {
            return false;
        }
        if (!config.writeCache()) {
            doneTags[doneCount++] = tag;
            return true;
        }
        if (!queue.hasRoom(2)) {
            return false;
        }
        finish(take(BlockDescriptor.TYPE_FLUSH, 0, tag));
        return true;
    }

    /** Takes a slot, writes its header and stages it as the first part. */
    private int take(int type, long sector, long tag) {
        int slot = freeSlots[--freeCount];
        tags[slot] = tag;
        long at = (long) slot * SLOT_BYTES;
        slotMemory.set(VirtqueueDescriptor.U64, at + BlockDescriptor.HEADER_TYPE_OFFSET, type);
        slotMemory.set(VirtqueueDescriptor.U64, at + BlockDescriptor.HEADER_SECTOR_OFFSET, sector);
        slotMemory.set(ValueLayout.JAVA_BYTE, at + STATUS_OFFSET, STATUS_UNWRITTEN);
        queue.part(slots.iova() + at, BlockDescriptor.HEADER_BYTES, false);
        return slot;
    }

    /** Stages the status as the last part and adds the request. */
    private void finish(int slot) {
        long at = (long) slot * SLOT_BYTES + STATUS_OFFSET;
        queue.part(slots.iova() + at, BlockDescriptor.STATUS_BYTES, true);
        queue.add(slot);
    }

    @Override
    public void submit() {
        if (queue.publish()) {
            doorbell.ring();
        }
    }

    @Override
    public int poll(CompletionHandler handler, int limit) {
        int taken = 0;
        while (doneCount > 0 && taken < limit) {
            taken++;
            handler.onCompletion(doneTags[--doneCount], BlockStatus.OK);
        }
        int count = Math.min(queue.completed(), limit - taken);
        takeDone(count);
        for (int i = 0; i < count; i++) {
            int slot = doneSlots[i];
            byte status =
                    slotMemory.get(ValueLayout.JAVA_BYTE, (long) slot * SLOT_BYTES + STATUS_OFFSET);
            long tag = tags[slot];
            freeSlots[freeCount++] = slot;
            handler.onCompletion(tag, Byte.toUnsignedInt(status));
        }
        return taken + count;
    }

    /** Takes what is done from the ring, and its memory from the device: all of it together. */
    private void takeDone(int count) {
        for (int i = 0; i < count; i++) {
            doneSlots[i] = queue.take();
        }
        // Only now, when nothing that the device says can end the batch half done.
        int mapped = 0;
        for (int i = 0; i < count; i++) {
            int slot = doneSlots[i];
            if (dataIova[slot] != Dma.NO_IOVA) {
                batchIova[mapped] = dataIova[slot];
                batchBytes[mapped++] = dataBytes[slot];
                dataIova[slot] = Dma.NO_IOVA;
            }
        }
        if (mapped > 0) {
            dma.unmapAll(batchIova, batchBytes, mapped);
        }
    }

    private void unmap(int slot) {
        if (dataIova[slot] != Dma.NO_IOVA) {
            dma.unmap(dataIova[slot], dataBytes[slot]);
            dataIova[slot] = Dma.NO_IOVA;
        }
    }

    @Override
    public boolean await(long timeoutNanos) {
        device.checkPresent();
        if (doneCount > 0) {
            return true;
        }
        boolean signalled = interrupt.await(timeoutNanos);
        device.checkPresent();
        return signalled;
    }

    @Override
    public int pending() {
        return queue.outstanding() + doneCount;
    }

    /** Stops the queue, then unmaps what the device still had. Idempotent. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        device.queues().stop(index);
        for (int slot = 0; slot < depth; slot++) {
            unmap(slot);
        }
    }
}
