package dev.outboard.dma;

/**
 * Every unmap ends with an invalidation of its own and the wait for it, also in a batch: when it
 * returns, no device reaches the buffer any more.
 */
final class StrictDma extends TranslatedDma {
    StrictDma(PhysicalMemory memory, Translations translations) {
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
        RuntimeException stuck = null;
        for (int index = 0; index < count; index++) {
            try {
                release(iovas[index], lengths[index]);
            } catch (RuntimeException failure) {
                // The others of the batch are unmapped as well; the first failure is told.
                stuck = stuck == null ? failure : stuck;
            }
        }
        if (stuck != null) {
            throw stuck;
        }
    }

    @Override
    public Strategy strategy() {
        return Strategy.STRICT;
    }
}
