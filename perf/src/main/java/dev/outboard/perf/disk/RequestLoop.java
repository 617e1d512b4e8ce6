package dev.outboard.perf.disk;

import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.OutOfDmaMemoryException;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.block.BlockQueue;
import dev.outboard.driver.block.BlockService;
import dev.outboard.driver.block.BlockStatus;
import dev.outboard.driver.block.CompletionHandler;
import java.util.concurrent.TimeUnit;

/**
 * Keeps a number of requests of one size under way, each on a slot of its own of DMA memory, which
 * moves when memory has come or is wanted back. One thread; running allocates nothing unless a
 * request fails, or the slots move.
 */
final class RequestLoop implements AutoCloseable {
    private static final long STUCK_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final long FLUSH_TAG = -1;

    private final BlockQueue queue;
    private final ClientContext context;
    private DmaMemory memory;

    /** Which change of memory the slots have followed. */
    private long followed;

    private final int blockBytes;
    private final long[] blocks;
    private final long[] started;
    private final int[] free;
    private final CompletionHandler handler = this::onCompletion;
    private int freeCount;
    private Work work;
    private long held = Work.DONE;
    private long requests;
    private boolean flushed;

    RequestLoop(BlockService disk, ClientContext context, int blockBytes, int depth) {
        queue = disk.queue(0);
        if (depth > queue.depth()) {
            throw new IllegalArgumentException(
                    "option depth=%d: the queue takes at most %d".formatted(depth, queue.depth()));
        }
        if (blockBytes % disk.blockBytes() != 0 || blockBytes > disk.maximumRequestBytes()) {
            throw new IllegalArgumentException(
                    "block size %d is not a multiple of the disk's %d bytes up to %d"
                            .formatted(blockBytes, disk.blockBytes(), disk.maximumRequestBytes()));
        }
        this.blockBytes = blockBytes;
        blocks = new long[depth];
        started = new long[depth];
        free = new int[depth];
        for (int i = 0; i < depth; i++) {
            free[freeCount++] = i;
        }
        this.context = context;
        followed = context.memoryChanges();
        memory = context.allocate((long) blockBytes * depth);
    }

    /**
     * Runs until the work is done and everything has come back.
     *
     * @return how many requests there were
     */
    long run(Work todo) {
        work = todo;
        requests = 0;
        boolean more = true;
        while (more || queue.pending() > 0) {
            if (context.memoryChanges() == followed) {
                more = more && prepare();
            } else if (queue.pending() == 0) {
                follow();
            }
            queue.submit();
            if (queue.poll(handler, blocks.length) == 0 && queue.pending() > 0) {
                await();
            }
        }
        return requests;
    }

    /** Moves the slots: memory has come, or is wanted back, and nothing is under way. */
    private void follow() {
        followed = context.memoryChanges();
        try {
            DmaMemory other = context.allocate(memory.lengthBytes());
            memory.close();
            memory = other;
        } catch (OutOfDmaMemoryException nowhere) {
            // They stay where they are; who wants that memory is told so.
        }
    }

    private boolean prepare() {
        while (freeCount > 0) {
            long block = held == Work.DONE ? work.next() : held;
            if (block < 0) {
                return block == Work.LATER;
            }
            int slot = free[freeCount - 1];
            long offset = (long) slot * blockBytes;
            long sector = block * (blockBytes / BlockService.SECTOR_BYTES);
            blocks[slot] = block;
            started[slot] = System.nanoTime();
            boolean taken;
            if (work.isWrite()) {
                work.fill(block, memory.memory(), offset);
                taken = queue.write(sector, memory, offset, blockBytes, slot);
            } else {
                taken = queue.read(sector, memory, offset, blockBytes, slot);
            }
            // What the queue cannot take now is asked for again when something has come back.
            held = taken ? Work.DONE : block;
            if (!taken) {
                return true;
            }
            freeCount--;
        }
        return true;
    }

    private void onCompletion(long tag, int status) {
        if (tag == FLUSH_TAG) {
            flushed = true;
            check("flush", 0, status);
            return;
        }
        int slot = (int) tag;
        check(work.isWrite() ? "write" : "read", blocks[slot], status);
        requests++;
        work.done(
                blocks[slot],
                memory.memory(),
                (long) slot * blockBytes,
                System.nanoTime() - started[slot]);
        free[freeCount++] = slot;
    }

    private void check(String what, long block, int status) {
        if (status != BlockStatus.OK) {
            throw new DeviceException(
                    "%s of block %d of %d bytes failed: %s"
                            .formatted(what, block, blockBytes, BlockStatus.name(status)));
        }
    }

    /** Makes everything that was written durable. */
    void flush() {
        flushed = false;
        while (!queue.flush(FLUSH_TAG)) {
            await();
        }
        queue.submit();
        while (!flushed) {
            if (queue.poll(handler, 1) == 0) {
                await();
            }
        }
    }

    private void await() {
        if (!queue.await(STUCK_NANOS)) {
            throw new DeviceException(
                    "the disk has answered nothing for %d s: pending=%d"
                            .formatted(
                                    TimeUnit.NANOSECONDS.toSeconds(STUCK_NANOS), queue.pending()));
        }
    }

    /** Returns the memory. What is still under way is waited for: it belongs to the device. */
    @Override
    public void close() {
        long deadline = System.nanoTime() + STUCK_NANOS;
        while (queue.pending() > 0 && System.nanoTime() - deadline < 0) {
            if (queue.poll((tag, status) -> {}, blocks.length) == 0) {
                queue.await(TimeUnit.MILLISECONDS.toNanos(100));
            }
        }
        if (queue.pending() == 0) {
            memory.close();
        }
    }
}
