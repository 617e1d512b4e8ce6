package dev.outboard.nvme;

import dev.outboard.dma.CoherentMemory;
import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaMemory;
import dev.outboard.driver.Device;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.block.BlockQueue;
import dev.outboard.driver.block.BlockStatus;
import dev.outboard.driver.block.CompletionHandler;
import dev.outboard.uio.Interrupt;
import dev.outboard.uio.Resources;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;

/**
 * A pair of rings for the commands of one thread; each command has a slot, whose number is its id.
 *
 * <p>When the controller was reset, by whichever thread, the queue creates itself anew at the next
 * call, and sends again what was under way: reads and writes are the same the second time. What has
 * been sent {@link #MOST_ATTEMPTS} times completes with an error. Nothing allocates but that.
 */
final class NvmeQueue implements BlockQueue, AutoCloseable {
    /** How often a request is sent before it fails. */
    static final int MOST_ATTEMPTS = 3;

    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
    private static final int PAGE_BYTES = NvmeDescriptor.PAGE_BYTES;
    private static final int PAGE_MASK = PAGE_BYTES - 1;
    private static final int SGL_DATA_BLOCK = 0;
    private static final int FREE = -1;

    private final Device device;
    private final Dma dma;
    private final Controller controller;
    private final Namespace namespace;
    private final NvmeLimits limits;
    private final int index;
    private final CommandRing ring;
    private final Interrupt interrupt;

    /** A page of PRP entries for each slot, or null where every command takes an SGL. */
    private final CoherentMemory lists;

    private final int depth;
    private final int[] opcodes;
    private final long[] firstBlocks;
    private final int[] blockCounts;
    private final long[] tags;
    private final long[] dataIova;
    private final int[] dataBytes;
    private final int[] attempts;
    private final long[] sentNanos;
    private final int[] freeSlots;
    private int freeCount;

    /** Completed without the device: flushes of no cache, and what was sent too often. */
    private final long[] doneTags;

    private final int[] doneStatus;
    private int doneCount;

    private final int[] taken;
    private final int[] takenStatus;
    private final long[] batchIova;
    private final int[] batchBytes;
    private long generation;
    private boolean closed;

    NvmeQueue(
            Device device,
            Controller controller,
            Namespace namespace,
            NvmeLimits limits,
            int index,
            Resources resources) {
        this.device = device;
        this.controller = controller;
        this.namespace = namespace;
        this.limits = limits;
        this.index = index;
        dma = device.dma();
        ring =
                resources.add(
                        new CommandRing(
                                dma,
                                controller.registers(),
                                index,
                                controller.doorbellStride(),
                                limits.entries()));
        depth = limits.entries() - 1;
        lists =
                limits.takesSgl()
                        ? null
                        : resources.add(dma.allocateCoherent((long) depth * PAGE_BYTES));
        opcodes = new int[depth];
        firstBlocks = new long[depth];
        blockCounts = new int[depth];
        tags = new long[depth];
        dataIova = new long[depth];
        dataBytes = new int[depth];
        attempts = new int[depth];
        sentNanos = new long[depth];
        freeSlots = new int[depth];
        doneTags = new long[depth];
        doneStatus = new int[depth];
        taken = new int[depth];
        takenStatus = new int[depth];
        batchIova = new long[depth];
        batchBytes = new int[depth];
        Arrays.fill(opcodes, FREE);
        Arrays.fill(dataIova, Dma.NO_IOVA);
        for (int slot = 0; slot < depth; slot++) {
            freeSlots[slot] = depth - 1 - slot;
        }
        freeCount = depth;
        interrupt = resources.add(device.interrupt(index, ring::isReady));
        create();
    }

    private void create() {
        generation = controller.generation();
        ring.reset();
        controller.admin().create(index, ring, index);
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
        limits.check(namespace, sector, lengthBytes);
        limits.check(target, offsetBytes, lengthBytes);
        return transfer(
                NvmeDescriptor.IO_READ,
                DmaDirection.FROM_DEVICE,
                sector,
                target.physicalAddress() + offsetBytes,
                lengthBytes,
                tag);
    }

    @Override
    public boolean write(
            long sector, DmaMemory source, long offsetBytes, int lengthBytes, long tag) {
        limits.check(namespace, sector, lengthBytes);
        limits.check(source, offsetBytes, lengthBytes);
        return transfer(
                NvmeDescriptor.IO_WRITE,
                DmaDirection.TO_DEVICE,
                sector,
                source.physicalAddress() + offsetBytes,
                lengthBytes,
                tag);
    }

    private boolean transfer(
            int opcode,
            DmaDirection direction,
            long sector,
            long physicalAddress,
            int lengthBytes,
            long tag) {
        refresh();
        if (free() == 0) {
            return false;
        }
        long iova = dma.map(physicalAddress, lengthBytes, direction);
        if (iova == Dma.NO_IOVA) {
            return false;
        }
        int slot = take(opcode, sector, lengthBytes, tag);
        dataIova[slot] = iova;
        dataBytes[slot] = lengthBytes;
        send(slot);
        return true;
    }

    @Override
    public boolean flush(long tag) {
        refresh();
        if (free() == 0) {
            return false;
        }
        if (limits.hasWriteCache()) {
            send(take(NvmeDescriptor.IO_FLUSH, 0, 0, tag));
        } else {
            done(tag, BlockStatus.OK);
        }
        return true;
    }

    /**
     * Has blocks read as zeroes from now on.
     *
     * @return false where no request is free
     * @throws IllegalArgumentException if the range is none, or the controller cannot
     */
    boolean writeZeroes(long sector, int lengthBytes, long tag) {
        limits.checkWriteZeroes(namespace, sector, lengthBytes);
        refresh();
        if (free() == 0) {
            return false;
        }
        send(take(NvmeDescriptor.IO_WRITE_ZEROES, sector, lengthBytes, tag));
        return true;
    }

    private int take(int opcode, long sector, int lengthBytes, long tag) {
        int slot = freeSlots[--freeCount];
        opcodes[slot] = opcode;
        firstBlocks[slot] = sector >>> namespace.blockShift() - NvmeLimits.SECTOR_SHIFT;
        blockCounts[slot] = lengthBytes >>> namespace.blockShift();
        tags[slot] = tag;
        attempts[slot] = 0;
        return slot;
    }

    /** Puts a slot's command into the ring; told of by {@link #submit}. */
    private void send(int slot) {
        attempts[slot]++;
        sentNanos[slot] = System.nanoTime();
        int opcode = opcodes[slot];
        boolean hasData = dataIova[slot] != Dma.NO_IOVA;
        int flags = hasData && lists == null ? NvmeDescriptor.FLAG_SGL : 0;
        long at = ring.begin(opcode, flags, slot, namespace.id());
        if (opcode != NvmeDescriptor.IO_FLUSH) {
            ring.setLong(at + NvmeDescriptor.COMMAND_DWORD10, firstBlocks[slot]);
            ring.setInt(at + NvmeDescriptor.COMMAND_DWORD12, blockCounts[slot] - 1);
        }
        if (!hasData) {
            return;
        }
        if (lists == null) {
            ring.setLong(at + NvmeDescriptor.COMMAND_POINTER, dataIova[slot]);
            ring.setLong(
                    at + NvmeDescriptor.COMMAND_SECOND_POINTER,
                    dataBytes[slot] | (long) SGL_DATA_BLOCK << 56);
        } else {
            pointers(at, slot);
        }
    }

    /** The first page as it is, the second, or a list of all others. */
    private void pointers(long at, int slot) {
        long iova = dataIova[slot];
        long end = iova + dataBytes[slot];
        ring.setLong(at + NvmeDescriptor.COMMAND_POINTER, iova);
        long next = (iova & ~PAGE_MASK) + PAGE_BYTES;
        if (next >= end) {
            return;
        }
        if (end - next <= PAGE_BYTES) {
            ring.setLong(at + NvmeDescriptor.COMMAND_SECOND_POINTER, next);
            return;
        }
        long list = (long) slot * PAGE_BYTES;
        ring.setLong(at + NvmeDescriptor.COMMAND_SECOND_POINTER, lists.iova() + list);
        MemorySegment memory = lists.memory();
        for (long entry = list; next < end; entry += Long.BYTES, next += PAGE_BYTES) {
            memory.set(NvmeDescriptor.U64, entry, next);
        }
    }

    @Override
    public void submit() {
        ring.announce();
    }

    @Override
    public int poll(CompletionHandler handler, int limit) {
        refresh();
        int count = 0;
        while (doneCount > 0 && count < limit) {
            count++;
            doneCount--;
            handler.onCompletion(doneTags[doneCount], doneStatus[doneCount]);
        }
        int completed = collect(limit - count);
        for (int at = 0; at < completed; at++) {
            int slot = taken[at];
            long tag = tags[slot];
            release(slot);
            handler.onCompletion(tag, takenStatus[at]);
        }
        return count + completed;
    }

    /** Takes completions from the ring, and their memory from the device: all of it together. */
    private int collect(int limit) {
        int count = 0;
        int mapped = 0;
        while (count < limit && ring.isReady()) {
            int slot = ring.take();
            if (slot >= depth || opcodes[slot] == FREE) {
                throw CommandRing.broken(device.name(), slot);
            }
            taken[count] = slot;
            takenStatus[count] = NvmeStatus.toBlockStatus(ring.status());
            count++;
            // Not under way any more: a second completion of it is refused.
            opcodes[slot] = FREE;
            if (dataIova[slot] != Dma.NO_IOVA) {
                batchIova[mapped] = dataIova[slot];
                batchBytes[mapped++] = dataBytes[slot];
                dataIova[slot] = Dma.NO_IOVA;
            }
        }
        ring.acknowledge();
        if (mapped > 0) {
            dma.unmapAll(batchIova, batchBytes, mapped);
        }
        return count;
    }

    private void release(int slot) {
        opcodes[slot] = FREE;
        freeSlots[freeCount++] = slot;
    }

    private void done(long tag, int status) {
        doneTags[doneCount] = tag;
        doneStatus[doneCount++] = status;
    }

    /** After a reset: everything once more. */
    private void refresh() {
        if (controller.generation() != generation) {
            recover();
        }
    }

    private void recover() {
        controller.checkAlive();
        create();
        for (int slot = 0; slot < depth; slot++) {
            if (opcodes[slot] == FREE) {
                continue;
            }
            if (attempts[slot] < MOST_ATTEMPTS) {
                send(slot);
                continue;
            }
            if (dataIova[slot] != Dma.NO_IOVA) {
                dma.unmap(dataIova[slot], dataBytes[slot]);
                dataIova[slot] = Dma.NO_IOVA;
            }
            long tag = tags[slot];
            release(slot);
            done(tag, BlockStatus.IO_ERROR);
        }
        ring.announce();
    }

    @Override
    public boolean await(long timeoutNanos) {
        controller.checkAlive();
        long started = System.nanoTime();
        while (true) {
            refresh();
            if (doneCount > 0 || ring.isReady()) {
                return true;
            }
            long left =
                    timeoutNanos < 0
                            ? LOOK_NANOS
                            : Math.min(LOOK_NANOS, timeoutNanos - (System.nanoTime() - started));
            if (left > 0 && interrupt.await(left) && ring.isReady()) {
                return true;
            }
            controller.checkAlive();
            lookAfter();
            if (timeoutNanos >= 0 && System.nanoTime() - started >= timeoutNanos) {
                return doneCount > 0 || ring.isReady();
            }
        }
    }

    /** Nothing came for a while: the controller may have failed, or forgotten a command. */
    private void lookAfter() {
        int oldest = oldest();
        if (oldest < 0 || ring.isReady()) {
            return;
        }
        long waited = System.nanoTime() - sentNanos[oldest];
        if (waited < LOOK_NANOS) {
            return;
        }
        if (controller.hasFailed()) {
            controller.reset(generation);
            refresh();
        } else if (waited > limits.timeoutNanos()) {
            giveUp(oldest);
        }
    }

    /** Aborts a command that takes too long; if that does not end it, resets the controller. */
    private void giveUp(int slot) {
        boolean isAborted = false;
        try {
            isAborted = controller.admin().abort(index, slot);
        } catch (DeviceException refused) {
            // It does not even answer: reset it.
        }
        if (isAborted) {
            // Its completion comes by the ring; until then it has as long again.
            sentNanos[slot] = System.nanoTime();
        } else if (!ring.isReady()) {
            controller.reset(generation);
            refresh();
        }
    }

    private int oldest() {
        int found = -1;
        for (int slot = 0; slot < depth; slot++) {
            if (opcodes[slot] != FREE && (found < 0 || sentNanos[slot] - sentNanos[found] < 0)) {
                found = slot;
            }
        }
        return found;
    }

    @Override
    public int pending() {
        return depth - freeCount + doneCount;
    }

    /** Has the controller forget the queue, then unmaps what it still had. Idempotent. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        // One that failed, or rests, has forgotten its queues, and answers nothing.
        if (!device.isLost() && controller.generation() == generation && !controller.hasFailed()) {
            controller.admin().delete(index);
        }
        for (int slot = 0; slot < depth; slot++) {
            if (dataIova[slot] != Dma.NO_IOVA) {
                dma.unmap(dataIova[slot], dataBytes[slot]);
                dataIova[slot] = Dma.NO_IOVA;
            }
        }
    }
}
