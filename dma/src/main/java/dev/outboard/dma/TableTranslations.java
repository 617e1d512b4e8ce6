package dev.outboard.dma;

import dev.outboard.iommu.IovaAllocator;
import dev.outboard.iommu.PageTable;
import dev.outboard.iommu.Translation;
import java.util.function.Supplier;

/**
 * Translations in a table of this process, which devices walk in theirs: a map works at once, a
 * flush is {@link Flusher}'s.
 */
final class TableTranslations implements Translations {
    /** Above so many runs of a batch, everything between the first and the last is asked for. */
    private static final int MOST_REQUESTS = 8;

    private final PageTable table;
    private final Flusher flusher;
    private final IovaAllocator iovas;
    private final Runnable onClose;
    private final Supplier<Flusher> lanes;
    private volatile SideLane side;
    private boolean asked;

    /**
     * @param lanes opens a flusher: this service's own, closed with it, and one for its timer
     * @param onClose told that the service has ended
     */
    TableTranslations(
            PageTable table, Supplier<Flusher> lanes, IovaAllocator iovas, Runnable onClose) {
        this.table = table;
        this.lanes = lanes;
        flusher = lanes.get();
        this.iovas = iovas;
        this.onClose = onClose;
    }

    @Override
    public int granuleShift() {
        return table.format().granuleShift();
    }

    @Override
    public long pages() {
        return table.pages();
    }

    @Override
    public IovaAllocator iovas() {
        return iovas;
    }

    @Override
    public void map(long page, long pageFrame, int pages, int access) {
        table.map(page, pageFrame, pages, access);
    }

    @Override
    public void mapEntry(long page, long pageFrame, int access) {
        table.mapEntry(page, pageFrame, access);
    }

    @Override
    public long frame(long page) {
        long translation = table.walk(page);
        return translation == Translation.NONE ? NO_FRAME : Translation.pageFrame(translation);
    }

    @Override
    public void commit() {
        // A device that walks the table finds the entry: it was written with release.
    }

    @Override
    public void clear(long page, int pages) {
        table.clear(page, pages);
    }

    @Override
    public void clearEntry(long page) {
        table.clearEntry(page);
    }

    @Override
    public void invalidate(long page, int pages) {
        if (!asked) {
            begin();
        }
        flusher.request(page, pages);
    }

    @Override
    public void clearAndInvalidate(long[] firstPages, int[] pages, int runs) {
        if (runs <= MOST_REQUESTS) {
            Translations.super.clearAndInvalidate(firstPages, pages, runs);
            return;
        }
        long first = Long.MAX_VALUE;
        long end = 0;
        for (int run = 0; run < runs; run++) {
            clear(firstPages[run], pages[run]);
            first = Math.min(first, firstPages[run]);
            end = Math.max(end, firstPages[run] + pages[run]);
        }
        // A device that has fewer entries than that looks at each of them once.
        invalidate(first, (int) (end - first));
    }

    @Override
    public void invalidateAll() {
        if (!asked) {
            begin();
        }
        flusher.requestAll();
    }

    private void begin() {
        asked = true;
        flusher.begin();
    }

    @Override
    public void settle() {
        if (asked) {
            asked = false;
            flusher.complete();
        }
    }

    @Override
    public boolean poll() {
        if (asked && !flusher.poll()) {
            return false;
        }
        asked = false;
        return true;
    }

    @Override
    public void forget(long page, int pages) {
        if (asked) {
            Translations.super.forget(page, pages);
        } else {
            flusher.flush(page, pages);
        }
    }

    /** A lane of its own for another thread. */
    private record SideLane(Flusher flusher) implements SideFlush {
        @Override
        public void begin() {
            flusher.begin();
            flusher.requestAll();
        }

        @Override
        public boolean poll() {
            return flusher.poll();
        }

        @Override
        public void close() {
            flusher.close();
        }
    }

    @Override
    public SideFlush sideFlush() {
        side = new SideLane(lanes.get());
        return side;
    }

    @Override
    public long flushes() {
        return flusher.flushes() + (side == null ? 0 : side.flusher.flushes());
    }

    @Override
    public long waitedNanos() {
        return flusher.waitedNanos();
    }

    @Override
    public void close() {
        flusher.close();
        onClose.run();
    }
}
