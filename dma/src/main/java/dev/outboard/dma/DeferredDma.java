package dev.outboard.dma;

/**
 * An unmap clears the entries, and what an IOTLB remembers of them works until a flush: when the
 * allocator rolls over (The Price of Safety, section 4.1), when so many pages wait, or when one has
 * waited so long, whichever comes first.
 *
 * <p>No IOVA is reused before a flush that began after its unmap has completed. Without a bound on
 * their number, unmapped runs are retired, and come back in {@link #makeRoom}; with one, they wait
 * in a {@link StaleQueue} and come back when a flush has reached them, as Linux's flush queue does.
 */
final class DeferredDma extends TranslatedDma {
    private final StaleWindow window = new StaleWindow();

    /** Null if only the roll-over bounds the number of waiting pages. */
    private final StaleQueue queue;

    private final int queueEntries;

    /** Null if nothing bounds the time that a page waits. */
    private final FlushTimer.Watch watch;

    DeferredDma(PhysicalMemory memory, Translations translations, StrategyOptions options) {
        super(memory, translations);
        queueEntries = options.queueEntries();
        queue =
                queueEntries == StrategyOptions.UNBOUNDED
                        ? null
                        : new StaleQueue((int) Math.min(queueEntries, translations.pages()));
        watch =
                options.queueNanos() == Long.MAX_VALUE
                        ? null
                        : FlushTimer.shared()
                                .watch(window, translations.sideFlush(), options.queueNanos());
    }

    @Override
    void releaseRun(long page, int pages) {
        if (queue != null) {
            queueRun(page, pages);
            return;
        }
        translations.clear(page, pages);
        retire(page, pages);
        noteStale(pages);
    }

    @Override
    void releaseEntry(long entry) {
        if (queue != null) {
            queueRun(entry << granuleShift, granule);
            return;
        }
        translations.clearEntry(entry << granuleShift);
        retireEntry(entry);
        noteStale(granule);
    }

    @Override
    void releaseAll(long[] iovas, int[] lengths, int count) {
        if (queue == null) {
            retireAll(iovas, lengths, count);
            return;
        }
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

    private void retireAll(long[] iovas, int[] lengths, int count) {
        clearBatch(iovas, lengths, count);
        retireBatch();
        long total = batchPages();
        if (total > 0) {
            noteStale(total);
        }
    }

    private void noteStale(long pages) {
        if (window.add(pages) && watch != null) {
            watch.waits();
        }
    }

    private void queueRun(long page, int pages) {
        if (!queue.hasRoom(pages)) {
            freeFlushed();
            if (!queue.hasRoom(pages)) {
                makeRoomInQueue(page, pages);
                return;
            }
        }
        translations.clear(page, pages);
        queue.add(page, pages);
        noteStale(pages);
    }

    /** The queue is full: flushes at once, with this run among those that are flushed. */
    private void makeRoomInQueue(long page, int pages) {
        translations.clear(page, pages);
        boolean settled = false;
        try {
            flushAll();
            settled = true;
        } finally {
            giveBack(page, pages, settled);
        }
    }

    @Override
    void makeRoom() {
        if (window.stalePages() > 0) {
            flushAll();
        }
        super.makeRoom();
    }

    @Override
    void flushAll() {
        long begunNanos = System.nanoTime();
        long reach = window.begin(begunNanos);
        super.flushAll();
        window.complete(reach, begunNanos, System.nanoTime());
        if (queue != null) {
            freeFlushed();
        }
    }

    /** Frees the queued runs that a flush has reached, this thread's or the timer's. */
    private void freeFlushed() {
        long flushed = window.flushed();
        while (queue.isNextWithin(flushed)) {
            free(queue.nextPage(), queue.nextPages());
            queue.drop();
        }
    }

    @Override
    public Strategy strategy() {
        return Strategy.DEFERRED;
    }

    @Override
    long staleEntries() {
        return window.stalePages() + (queue == null ? 0 : retiredPages());
    }

    @Override
    long windowEntries() {
        return window.windowEntries();
    }

    @Override
    long windowNanos() {
        return window.windowNanos();
    }

    /** Also ends the timer's watch: what follows is a flush, or an owner that has gone. */
    @Override
    void clearAll() {
        try {
            super.clearAll();
        } finally {
            if (watch != null) {
                watch.close();
            }
        }
    }
}
