package dev.outboard.dma;

/**
 * Many are unmapped together with one flush (The Price of Safety, sections 4.2 and 4.3.3): when an
 * unmap returns, of one or of many, no device reaches the buffers any more.
 */
final class BatchedDma extends TranslatedDma {
    BatchedDma(PhysicalMemory memory, Translations translations) {
        super(memory, translations);
    }

    @Override
    void releaseRun(long page, int pages) {
        reclaim(page, pages);
    }

    @Override
    void releaseEntry(long entry) {
        reclaimEntry(entry);
    }

    @Override
    void releaseAll(long[] iovas, int[] lengths, int count) {
        boolean settled = false;
        try {
            clearBatch(iovas, lengths, count, true);
            translations.settle();
            settled = true;
        } finally {
            giveBackBatch(settled);
        }
    }

    @Override
    public Strategy strategy() {
        return Strategy.BATCHED;
    }
}
