package dev.outboard.dma;

import dev.outboard.iommu.IoPage;

/**
 * Every unmap ends with a flush: when it returns, no device reaches the buffer any more.
 *
 * <p>If a device is stuck, the IOVAs of that unmap are only retired: they come back after a
 * roll-over whose flush succeeds.
 */
final class StrictDma extends TranslatedDma {
    private boolean unflushed;

    StrictDma(PhysicalMemory memory, Translations translations) {
        super(memory, translations);
    }

    @Override
    void release(long page, int pages) {
        try {
            translations.invalidate(page, pages);
            translations.settle();
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
        // The first request of the batch begins the flush.
    }

    @Override
    void releaseInBatch(long page, int pages) {
        translations.invalidate(page, pages);
    }

    @Override
    void endBatch(long[] iovas, int[] lengths, int count) {
        boolean settled = false;
        try {
            translations.settle();
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
        translations.invalidateAll();
        translations.settle();
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
