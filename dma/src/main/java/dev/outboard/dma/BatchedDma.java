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
    void releaseAll(long[] iovas, int[] lengths, int count) {
        if (count == 0) {
            return;
        }
        boolean settled = false;
        try {
            invalidateAll(iovas, lengths, count);
            translations.settle();
            settled = true;
        } finally {
            for (int index = 0; index < count; index++) {
                long page = firstPage(iovas[index]);
                giveBack(page, pages(iovas[index], lengths[index]), settled);
            }
        }
    }

    /** Neighbours, as an allocator often gives them, are invalidated in one. */
    private void invalidateAll(long[] iovas, int[] lengths, int count) {
        long first = firstPage(iovas[0]);
        long end = first;
        for (int index = 0; index < count; index++) {
            long page = firstPage(iovas[index]);
            int pages = pages(iovas[index], lengths[index]);
            translations.clear(page, pages);
            if (page != end) {
                translations.invalidate(first, (int) (end - first));
                first = page;
            }
            end = page + pages;
        }
        translations.invalidate(first, (int) (end - first));
    }

    @Override
    public Strategy strategy() {
        return Strategy.BATCHED;
    }
}
