package dev.outboard.dma;

import dev.outboard.iommu.IovaAllocator;
import java.util.ArrayList;
import java.util.List;

/**
 * A holder of translations with a quota: keeps maps back until they are committed, and refuses a
 * commit that goes beyond. What a mediator does, without one.
 */
final class RefusingTranslations implements Translations {
    private record Pending(long page, long pageFrame, int pages, int access) {}

    private final Translations behind;
    private final List<Pending> pending = new ArrayList<>();
    private final int quotaPages;
    private int usedPages;
    private int commits;

    RefusingTranslations(Translations behind, int quotaPages) {
        this.behind = behind;
        this.quotaPages = quotaPages;
    }

    int commits() {
        return commits;
    }

    int usedPages() {
        return usedPages;
    }

    @Override
    public int granuleShift() {
        return behind.granuleShift();
    }

    @Override
    public long pages() {
        return behind.pages();
    }

    @Override
    public IovaAllocator iovas() {
        return behind.iovas();
    }

    @Override
    public void map(long page, long pageFrame, int pages, int access) {
        pending.add(new Pending(page, pageFrame, pages, access));
    }

    @Override
    public long frame(long page) {
        return behind.frame(page);
    }

    @Override
    public void commit() {
        commits++;
        int wanted = pending.stream().mapToInt(Pending::pages).sum();
        try {
            if (usedPages + wanted > quotaPages) {
                throw new QuotaExceededException("entries: quotaPages=" + quotaPages);
            }
            usedPages += wanted;
            pending.forEach(run -> behind.map(run.page, run.pageFrame, run.pages, run.access));
        } finally {
            pending.clear();
        }
        behind.commit();
    }

    @Override
    public void clear(long page, int pages) {
        usedPages -= pages;
        behind.clear(page, pages);
    }

    @Override
    public void invalidate(long page, int pages) {
        behind.invalidate(page, pages);
    }

    @Override
    public void invalidateAll() {
        behind.invalidateAll();
    }

    @Override
    public void settle() {
        behind.settle();
    }

    @Override
    public long flushes() {
        return behind.flushes();
    }

    @Override
    public long waitedNanos() {
        return behind.waitedNanos();
    }

    @Override
    public void close() {
        behind.close();
    }
}
