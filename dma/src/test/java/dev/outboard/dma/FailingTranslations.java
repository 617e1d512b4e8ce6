package dev.outboard.dma;

import dev.outboard.iommu.IovaAllocator;
import dev.outboard.uio.failure.FailurePoint;

/** Translations whose IOVA runs out, and whose holder refuses, when a {@link FailurePoint} says. */
final class FailingTranslations implements Translations {
    private final Translations translations;
    private final IovaAllocator iovas;

    FailingTranslations(Translations translations) {
        this.translations = translations;
        iovas = new FailingIovas(translations.iovas());
    }

    @Override
    public int granuleShift() {
        return translations.granuleShift();
    }

    @Override
    public long pages() {
        return translations.pages();
    }

    @Override
    public IovaAllocator iovas() {
        return iovas;
    }

    @Override
    public void map(long page, long pageFrame, int pages, int access) {
        translations.map(page, pageFrame, pages, access);
    }

    @Override
    public long frame(long page) {
        return translations.frame(page);
    }

    @Override
    public void commit() {
        if (FailurePoint.fails("quota")) {
            throw new QuotaExceededException("a failure point");
        }
        translations.commit();
    }

    @Override
    public void clear(long page, int pages) {
        translations.clear(page, pages);
    }

    @Override
    public void invalidate(long page, int pages) {
        translations.invalidate(page, pages);
    }

    @Override
    public void invalidateAll() {
        translations.invalidateAll();
    }

    @Override
    public void settle() {
        translations.settle();
    }

    @Override
    public long flushes() {
        return translations.flushes();
    }

    @Override
    public long waitedNanos() {
        return translations.waitedNanos();
    }

    @Override
    public void close() {
        translations.close();
    }

    /** Fails twice: before and after the roll-over. */
    private static final class FailingIovas implements IovaAllocator {
        private final IovaAllocator iovas;
        private boolean again;

        FailingIovas(IovaAllocator iovas) {
            this.iovas = iovas;
        }

        private boolean fails() {
            boolean first = FailurePoint.fails("iova");
            boolean second = again;
            again = first;
            return first || second;
        }

        @Override
        public long allocate(int pages) {
            return fails() ? NONE : iovas.allocate(pages);
        }

        @Override
        public long allocate(int pages, int alignment) {
            return fails() ? NONE : iovas.allocate(pages, alignment);
        }

        @Override
        public void free(long page, int pages) {
            iovas.free(page, pages);
        }

        @Override
        public void retire(long page, int pages) {
            iovas.retire(page, pages);
        }

        @Override
        public void rollOver() {
            iovas.rollOver();
        }

        @Override
        public long freePages() {
            return iovas.freePages();
        }

        @Override
        public long retiredPages() {
            return iovas.retiredPages();
        }
    }
}
