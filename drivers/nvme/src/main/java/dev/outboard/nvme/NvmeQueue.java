package dev.outboard.nvme;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaMemory;
import dev.outboard.driver.Device;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.block.BlockStatus;
import dev.outboard.driver.block.CompletionHandler;
import dev.outboard.uio.Interrupt;
import java.util.concurrent.TimeUnit;

/**
 * A pair of rings for the commands of one thread, on whatever namespace, with an interrupt vector
 * and a mapping service of its own. After construction nothing allocates but what fails.
 *
 * <p>What the controller says may succeed the next time is sent again, {@link #MOST_ATTEMPTS} times
 * in all. When the controller was reset, by whichever thread, the queue creates itself anew at the
 * next call, and sends again what was under way: all its commands do the same the second time.
 */
final class NvmeQueue implements AutoCloseable {
    /** How often a request is sent before it fails. */
    static final int MOST_ATTEMPTS = 3;

    /** How long nothing has to come before somebody looks whether the controller works. */
    static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    /** Polls between two looks at the clock, for who never waits. */
    private static final int POLLS_BETWEEN = 1 << 16;

    private static final int MOST_RECOVERIES = 3;

    private final Device device;
    private final Dma dma;
    private final Controller controller;
    private final NvmeLimits limits;
    private final int index;
    private final int vector;
    private final CommandRing ring;
    private final DataPointers pointers;
    private final Requests requests;
    private final Interrupt interrupt;

    /** Completed without the device: flushes of no cache, and what was sent too often. */
    private final long[] doneTags;

    private final int[] doneStatus;
    private int doneCount;

    /** What was taken from the ring, and from where on it is still to be told. */
    private final int[] taken;

    private final int[] takenStatus;
    private int takenNext;
    private int takenCount;

    /** Whether the memory of what was taken may still be reached by the device. */
    private boolean mustFlush;

    private final long[] batchIova;
    private final int[] batchBytes;
    private long generation;
    private int polls;

    // How long the oldest command has been under way at least: since the mark was set.
    private long markSequence;
    private long markNanos;

    /** The command that was aborted last, by its sequence. */
    private long abortedSequence;

    private DeviceException broken;
    private boolean closed;

    /**
     * Has the controller make it, too.
     *
     * @param index from 1
     * @param ring borrowed, as the interrupt
     * @param vector of the interrupt
     */
    NvmeQueue(
            Device device,
            Dma dma,
            Controller controller,
            NvmeLimits limits,
            int index,
            CommandRing ring,
            int vector,
            Interrupt interrupt) {
        this.device = device;
        this.dma = dma;
        this.controller = controller;
        this.limits = limits;
        this.index = index;
        this.vector = vector;
        this.ring = ring;
        this.interrupt = interrupt;
        int depth = limits.entries() - 1;
        requests = new Requests(depth);
        doneTags = new long[depth];
        doneStatus = new int[depth];
        taken = new int[depth];
        takenStatus = new int[depth];
        batchIova = new long[depth];
        batchBytes = new int[depth];
        pointers =
                new DataPointers(
                        dma, depth, limits.requestBytes(), limits.takesSgl(), limits.canDiscard());
        try {
            create();
        } catch (RuntimeException failure) {
            pointers.close();
            throw failure;
        }
    }

    private void create() {
        generation = controller.generation();
        ring.reset();
        // Who polls wants no signals; but what comes by the admin queue's vector is for that, too.
        controller.admin().create(index, ring, vector, vector == 0 || !device.isPolled());
    }

    int depth() {
        return requests.depth();
    }

    int free() {
        return requests.freeCount() - doneCount;
    }

    int pending() {
        return requests.depth() - requests.freeCount() + doneCount;
    }

    /** A read or a write; as {@link dev.outboard.driver.block.BlockQueue#read}. */
    boolean transfer(
            Namespace namespace,
            int opcode,
            DmaDirection direction,
            long sector,
            DmaMemory memory,
            long offsetBytes,
            int lengthBytes,
            long tag) {
        namespace.check(sector, lengthBytes, limits.requestBytes());
        if (offsetBytes < 0
                || offsetBytes > memory.lengthBytes() - lengthBytes
                || (offsetBytes & Integer.BYTES - 1) != 0) {
            throw notInMemory(memory, offsetBytes, lengthBytes);
        }
        refresh();
        if (free() == 0) {
            return false;
        }
        long iova = dma.map(memory.physicalAddress() + offsetBytes, lengthBytes, direction);
        if (iova == Dma.NO_IOVA) {
            return false;
        }
        int slot = requests.take();
        requests.fill(
                slot,
                opcode | pointers.flags(iova, lengthBytes) | first(namespace),
                iova,
                pointers.second(slot, iova, lengthBytes),
                namespace.block(sector),
                (lengthBytes >>> namespace.blockShift()) - 1,
                tag,
                lengthBytes);
        requests.send(slot, ring);
        return true;
    }

    private static long first(Namespace namespace) {
        return (long) namespace.id() << Integer.SIZE;
    }

    private static IllegalArgumentException notInMemory(
            DmaMemory memory, long offsetBytes, int lengthBytes) {
        return new IllegalArgumentException(
                "offsetBytes=%d lengthBytes=%d is not in the memory, in words of 4: lengthBytes=%d"
                        .formatted(offsetBytes, lengthBytes, memory.lengthBytes()));
    }

    /** As {@link dev.outboard.driver.block.BlockQueue#flush}. */
    boolean flush(Namespace namespace, long tag) {
        refresh();
        if (free() == 0) {
            return false;
        }
        if (limits.hasWriteCache()) {
            int slot = requests.take();
            requests.fill(slot, NvmeDescriptor.IO_FLUSH | first(namespace), 0, 0, 0, 0, tag, 0);
            requests.send(slot, ring);
        } else {
            done(tag, BlockStatus.OK);
        }
        return true;
    }

    /** As {@link dev.outboard.driver.block.BlockQueue#writeZeroes}; the range was checked. */
    boolean writeZeroes(Namespace namespace, long sector, long lengthBytes, long tag) {
        refresh();
        if (free() == 0) {
            return false;
        }
        int slot = requests.take();
        requests.fill(
                slot,
                NvmeDescriptor.IO_WRITE_ZEROES | first(namespace),
                0,
                0,
                namespace.block(sector),
                (lengthBytes >>> namespace.blockShift()) - 1,
                tag,
                0);
        requests.send(slot, ring);
        return true;
    }

    /** As {@link dev.outboard.driver.block.BlockQueue#discard}; the range was checked. */
    boolean discard(Namespace namespace, long sector, long lengthBytes, long tag) {
        refresh();
        if (free() == 0) {
            return false;
        }
        int slot = requests.take();
        long range =
                pointers.range(
                        slot, namespace.block(sector), lengthBytes >>> namespace.blockShift());
        requests.fill(
                slot,
                NvmeDescriptor.IO_DATASET_MANAGEMENT | first(namespace),
                range,
                0,
                // One range: dword 10 counts from 0.
                (long) NvmeDescriptor.DATASET_DEALLOCATE << Integer.SIZE,
                0,
                tag,
                0);
        requests.send(slot, ring);
        return true;
    }

    /** Tells the controller of all commands since the last time: one doorbell. */
    void submit() {
        ring.announce();
    }

    /** As {@link dev.outboard.driver.block.BlockQueue#poll}. */
    int poll(CompletionHandler handler, int limit) {
        refresh();
        int count = 0;
        while (doneCount > 0 && count < limit) {
            count++;
            doneCount--;
            handler.onCompletion(doneTags[doneCount], doneStatus[doneCount]);
        }
        if (mustFlush) {
            dma.flush();
            mustFlush = false;
        }
        if (takenNext == takenCount) {
            collect(limit - count);
        }
        // By fields: what a handler that throws leaves behind is told the next time.
        while (takenNext < takenCount && count < limit) {
            int slot = taken[takenNext];
            int status = takenStatus[takenNext++];
            long tag = requests.tag(slot);
            requests.release(slot);
            count++;
            handler.onCompletion(tag, status);
        }
        if ((++polls & POLLS_BETWEEN - 1) == 0) {
            lookAfter(System.nanoTime());
        }
        return count;
    }

    /** Takes completions from the ring, and their memory from the device: all of it together. */
    private void collect(int limit) {
        if (broken != null) {
            throw broken;
        }
        takenNext = 0;
        takenCount = 0;
        int mapped = 0;
        boolean again = false;
        while (takenCount < limit && ring.isReady()) {
            int slot = ring.take();
            if (!requests.isUnderWay(slot)) {
                // Told of when what came before has been told.
                broken = CommandRing.broken(device.name(), slot);
                break;
            }
            int status = ring.status();
            if (status != 0 && tryAgain(slot, status)) {
                again = true;
                continue;
            }
            requests.ended(slot);
            if (requests.dataBytes(slot) != 0) {
                batchIova[mapped] = requests.dataIova(slot);
                batchBytes[mapped++] = requests.dataBytes(slot);
                requests.unmapped(slot);
            }
            taken[takenCount] = slot;
            takenStatus[takenCount++] = NvmeStatus.toBlockStatus(status);
        }
        if (again) {
            ring.announce();
        }
        ring.acknowledgeMany();
        if (mapped > 0) {
            // If the flush fails, nobody is told of them before one succeeds.
            mustFlush = true;
            dma.unmapAll(batchIova, batchBytes, mapped);
            mustFlush = false;
        }
        if (broken != null && takenCount == 0) {
            throw broken;
        }
    }

    private boolean tryAgain(int slot, int status) {
        if (!NvmeStatus.mayRetry(status) || requests.attempts(slot) >= MOST_ATTEMPTS) {
            return false;
        }
        requests.send(slot, ring);
        return true;
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
        for (int attempt = 1; ; attempt++) {
            checkAlive();
            try {
                create();
                break;
            } catch (DeviceException failed) {
                if (attempt == MOST_RECOVERIES) {
                    throw failed;
                }
                reset(failed.getMessage());
            }
        }
        for (int slot = 0; slot < requests.depth(); slot++) {
            if (!requests.isUnderWay(slot)) {
                continue;
            }
            if (requests.attempts(slot) < MOST_ATTEMPTS) {
                requests.send(slot, ring);
                continue;
            }
            requests.ended(slot);
            unmap(slot);
            long tag = requests.tag(slot);
            requests.release(slot);
            done(tag, BlockStatus.IO_ERROR);
        }
        ring.announce();
    }

    private void unmap(int slot) {
        if (requests.dataBytes(slot) != 0) {
            dma.unmap(requests.dataIova(slot), requests.dataBytes(slot));
            requests.unmapped(slot);
        }
    }

    private boolean hasWork() {
        return doneCount > 0 || takenNext < takenCount || ring.isReady();
    }

    /** As {@link dev.outboard.driver.block.BlockQueue#await}. */
    boolean await(long timeoutNanos) {
        refresh();
        if (hasWork()) {
            return true;
        }
        checkAlive();
        // Who sleeps lets the controller have its places first: a line is asserted until then.
        ring.acknowledge();
        long started = System.nanoTime();
        long now = started;
        while (true) {
            lookAfter(now);
            if (hasWork()) {
                return true;
            }
            long left =
                    timeoutNanos < 0
                            ? LOOK_NANOS
                            : Math.min(LOOK_NANOS, timeoutNanos - (now - started));
            boolean isSignalled = left > 0 && interrupt.await(left);
            checkAlive();
            refresh();
            if (hasWork()) {
                return true;
            }
            if (isSignalled && vector == 0) {
                // The vector of the admin queue, too: it came for that.
                controller.callWatch();
            }
            now = System.nanoTime();
            if (timeoutNanos >= 0 && now - started >= timeoutNanos) {
                lookAfter(now);
                return hasWork();
            }
        }
    }

    /** Whether the controller may have failed, or forgotten a command; looked at now and then. */
    private void lookAfter(long now) {
        if (now - markNanos < LOOK_NANOS) {
            return;
        }
        int oldest = requests.oldest();
        if (oldest == Requests.NONE || requests.sequence(oldest) > markSequence) {
            // All that was under way at the mark has come back.
            markSequence = requests.lastSequence();
            markNanos = now;
            return;
        }
        if (ring.isReady()) {
            return;
        }
        if (controller.needsReset()) {
            reset("the controller failed");
            refresh();
        } else if (now - markNanos > limits.timeoutNanos()) {
            giveUp(oldest, now);
        }
    }

    /** Aborts a command that takes too long; if that does not end it, resets the controller. */
    private void giveUp(int slot, long now) {
        boolean isAborted = false;
        long sequence = requests.sequence(slot);
        if (abortedSequence != sequence) {
            abortedSequence = sequence;
            try {
                isAborted = controller.admin().abort(index, slot);
            } catch (DeviceException refused) {
                // Not even that: reset it.
                isAborted = false;
            }
        }
        if (isAborted) {
            // Its completion comes by the ring; until then it has as long again.
            markNanos = now;
        } else if (!ring.isReady()) {
            reset("a command was not answered for a long time");
            refresh();
        }
    }

    private void reset(String why) {
        try {
            controller.reset(generation, why);
        } catch (DeviceException failed) {
            checkAlive();
            throw failed;
        }
    }

    /** Throws where no request of this queue will ever end: by the names of those under way. */
    private void checkAlive() {
        device.checkPresent();
        if (controller.isDead()) {
            try {
                controller.checkAlive();
            } catch (DeviceException dead) {
                throw new DeviceException(dead.getMessage() + "; " + requests.describe(), dead);
            }
        }
    }

    /** Has the controller forget the queue; what was under way ends without an answer. */
    void stop() {
        // One that failed, or rests, has forgotten its queues, and answers nothing.
        if (!device.isLost()
                && !controller.isDead()
                && controller.generation() == generation
                && !controller.needsReset()) {
            controller.admin().delete(index);
        }
    }

    /** Unmaps what the controller, which has come to rest, still had. Idempotent. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        for (int slot = 0; slot < requests.depth(); slot++) {
            unmap(slot);
        }
        pointers.close();
    }
}
