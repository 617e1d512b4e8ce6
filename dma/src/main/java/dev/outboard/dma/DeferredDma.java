package dev.outboard.dma;

/**
 * The IOTLB is flushed when the allocator rolls over (The Price of Safety, section 4.1): an unmap
 * clears the entries, and what an IOTLB remembers of them works until then.
 *
 * <p>No IOVA is reused before a flush that began after its unmap has completed: an unmapped run is
 * retired, not freed, and retired runs come back only in {@link #makeRoom}.
 */
final class DeferredDma extends TranslatedDma {
    private final boolean retires;
    private long stalePages;
    private long firstStaleNanos;
    private long windowEntries;
    private long windowNanos;

    DeferredDma(PhysicalMemory memory, Translations translations) {
        this(memory, translations, true);
    }

    /**
     * For the test of the trap alone.
     *
     * @param retires false: freed at once, as an implementation that only flushes at the roll-over
     */
    DeferredDma(PhysicalMemory memory, Translations translations, boolean retires) {
        super(memory, translations);
        this.retires = retires;
    }

    @Override
    void releaseRun(long page, int pages) {
        translations.clear(page, pages);
        if (retires) {
            allocator.retire(page, pages);
        } else {
            allocator.free(page, pages);
        }
        if (stalePages == 0) {
            firstStaleNanos = System.nanoTime();
        }
        stalePages += pages;
    }

    @Override
    void releaseAll(long[] iovas, int[] lengths, int count) {
        for (int index = 0; index < count; index++) {
            release(iovas[index], lengths[index]);
        }
    }

    @Override
    void makeRoom() {
        if (stalePages > 0) {
            flush();
        }
        super.makeRoom();
    }

    @Override
    public void flush() {
        super.flush();
        if (stalePages > 0) {
            windowEntries = Math.max(windowEntries, stalePages);
            windowNanos = Math.max(windowNanos, System.nanoTime() - firstStaleNanos);
            stalePages = 0;
        }
    }

    @Override
    public Strategy strategy() {
        return Strategy.DEFERRED;
    }

    @Override
    long staleEntries() {
        return stalePages;
    }

    @Override
    long windowEntries() {
        return Math.max(windowEntries, stalePages);
    }

    @Override
    long windowNanos() {
        return stalePages == 0
                ? windowNanos
                : Math.max(windowNanos, System.nanoTime() - firstStaleNanos);
    }
}
