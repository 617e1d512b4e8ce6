package dev.outboard.dma.pool;

import dev.outboard.dma.PhysicalMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/** A pool over a memory of its own, and what tests do with it. */
final class PoolRig implements AutoCloseable {
    private static final long PATIENCE_NANOS = 30_000_000_000L;

    final PhysicalMemory memory;
    final PagePool pool;

    private PoolRig(long pages, PoolMarks marks) {
        memory = PhysicalMemory.create(pages * 4096);
        pool = PagePool.open(memory, "test0", marks);
    }

    /** Of so many pages; the pool has 32 at first, a low mark of 16, and a reserve of 8. */
    static PoolRig of(long pages) {
        return new PoolRig(pages, new PoolMarks(16, 64, 8, 32));
    }

    static PoolRig of(long pages, PoolMarks marks) {
        return new PoolRig(pages, marks);
    }

    /** The memory has no more than what is in the pool: the refill thread can add nothing. */
    static PoolRig starved() {
        return of(32);
    }

    static List<PoolPage> takeUrgently(UrgentTaker taker, int pages) {
        List<PoolPage> taken = new ArrayList<>();
        for (int index = 0; index < pages; index++) {
            PoolPage page = taker.tryTake();
            if (page != null) {
                taken.add(page);
            }
        }
        return taken;
    }

    static void await(BooleanSupplier isSo) {
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (!isSo.getAsBoolean()) {
            if (System.nanoTime() - deadline > 0) {
                throw new AssertionError("it did not come about");
            }
            Thread.onSpinWait();
        }
    }

    long usedPages() {
        return (memory.lengthBytes() - memory.freeBytes()) / 4096;
    }

    @Override
    public void close() {
        pool.close();
        memory.close();
    }
}
