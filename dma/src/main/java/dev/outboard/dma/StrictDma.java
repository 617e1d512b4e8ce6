package dev.outboard.dma;

import dev.outboard.iommu.IoPage;
import dev.outboard.iommu.TceTable;

/**
 * Every unmap ends with a flush: when it returns, no device reaches the buffer any more.
 *
 * <p>If a device is stuck, the IOVAs of that unmap are only retired: they come back after a
 * roll-over whose flush succeeds.
 */
final class StrictDma extends TranslatedDma {
    private boolean unflushed;

    StrictDma(PhysicalMemory memory, TceTable table, Flusher flusher) {
        super(memory, table, flusher);
    }

    @Override
    void release(long page, int pages) {
        try {
            flusher.flush(page, pages);
        } catch (RuntimeException failure) {
            retire(page, pages);
            throw failure;
        }
        allocator.free(page, pages);
    }

    private void retire(long page, int pages) {
        allocator.retire(page, pages);
        unflushed = true;
    }

    @Override
    void beginBatch() {
        flusher.begin();
    }

    @Override
    void releaseInBatch(long page, int pages) {
        flusher.request(page, pages);
    }

    @Override
    void endBatch(long[] iovas, int[] lengths, int count) {
        boolean settled = false;
        try {
            flusher.complete();
            settled = true;
        } finally {
            for (int index = 0; index < count; index++) {
                long page = iovas[index] >>> IoPage.SHIFT;
                int pages = Buffers.pages(iovas[index], lengths[index]);
                if (settled) {
                    allocator.free(page, pages);
                } else {
                    retire(page, pages);
                }
            }
        }
    }

    @Override
    void rollOver() {
        if (unflushed) {
            flush();
        }
        allocator.rollOver();
    }

    @Override
    public void flush() {
        flusher.flushAll();
        unflushed = false;
    }

    @Override
    public Strategy strategy() {
        return Strategy.STRICT;
    }

    @Override
    long staleEntries() {
        return allocator.retiredPages();
    }

    @Override
    long windowEntries() {
        return allocator.retiredPages();
    }

    @Override
    long windowNanos() {
        return 0;
    }
}
