package dev.outboard.dma;

/**
 * Deferred flushing with the mistake that invites itself: IOVA is free at once, and a flush comes
 * only with the roll-over. It shows that the test of the trap would notice.
 */
final class TrappedDma extends TranslatedDma {
    TrappedDma(PhysicalMemory memory, Translations translations) {
        super(memory, translations);
    }

    @Override
    void releaseRun(long page, int pages) {
        translations.clear(page, pages);
        free(page, pages);
    }

    @Override
    void releaseEntry(long entry) {
        releaseRun(entry << granuleShift, granule);
    }

    @Override
    void releaseAll(long[] iovas, int[] lengths, int count) {
        for (int index = 0; index < count; index++) {
            release(iovas[index], lengths[index]);
        }
    }

    @Override
    void makeRoom() {
        flush();
        super.makeRoom();
    }

    @Override
    public Strategy strategy() {
        return Strategy.DEFERRED;
    }
}
