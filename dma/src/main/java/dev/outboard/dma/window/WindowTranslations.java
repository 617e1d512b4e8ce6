package dev.outboard.dma.window;

import dev.outboard.dma.QuotaExceededException;
import dev.outboard.dma.SideFlush;
import dev.outboard.dma.Translations;
import dev.outboard.iommu.IovaAllocator;
import java.util.Arrays;

/**
 * The translations of one service: what it maps becomes a window at once, and what it clears is
 * unmapped at once. One thread; allocates nothing of its own.
 */
final class WindowTranslations implements Translations {
    private final WindowDomain domain;
    private final IovaAllocator iovas;
    private final Runnable onClose;

    /** Mapped since the last commit, to be undone if one of them cannot be. */
    private long[] recent = new long[64];

    private int recentCount;
    private QuotaExceededException refused;
    private boolean isEssential;
    private boolean isAsked;
    private long flushes;
    private long waitedNanos;

    WindowTranslations(WindowDomain domain, IovaAllocator iovas, Runnable onClose) {
        this.domain = domain;
        this.iovas = iovas;
        this.onClose = onClose;
    }

    @Override
    public int granuleShift() {
        return 0;
    }

    @Override
    public long pages() {
        return domain.pages();
    }

    @Override
    public IovaAllocator iovas() {
        return iovas;
    }

    @Override
    public void map(long page, long pageFrame, int pages, int access) {
        if (refused != null) {
            return;
        }
        try {
            domain.map(page, pageFrame, pages, access, isEssential);
        } catch (QuotaExceededException full) {
            refused = full;
            return;
        }
        if (recentCount == recent.length) {
            recent = Arrays.copyOf(recent, 2 * recentCount);
        }
        recent[recentCount++] = page;
    }

    @Override
    public long frame(long page) {
        return domain.frame(page);
    }

    @Override
    public void essential(boolean following) {
        isEssential = following;
    }

    @Override
    public void commit() {
        QuotaExceededException failure = refused;
        if (failure != null) {
            for (int index = 0; index < recentCount; index++) {
                domain.unmap(recent[index]);
            }
        }
        refused = null;
        recentCount = 0;
        if (failure != null) {
            throw failure;
        }
    }

    @Override
    public void clear(long page, int pages) {
        long started = System.nanoTime();
        long at = page;
        while (at < page + pages) {
            at += domain.unmap(at);
        }
        waitedNanos += System.nanoTime() - started;
    }

    @Override
    public void invalidate(long page, int pages) {
        isAsked = true;
    }

    @Override
    public void invalidateAll() {
        isAsked = true;
    }

    /** What was cleared was unmapped, and the device with it. */
    @Override
    public void settle() {
        if (isAsked) {
            isAsked = false;
            flushes++;
        }
    }

    @Override
    public SideFlush sideFlush() {
        return new NothingToFlush();
    }

    /** A timer's: nothing waits here. */
    private static final class NothingToFlush implements SideFlush {
        @Override
        public void begin() {
            // What was cleared cannot be reached.
        }

        @Override
        public boolean poll() {
            return true;
        }

        @Override
        public void close() {
            // Nothing is under way.
        }
    }

    @Override
    public long flushes() {
        return flushes;
    }

    @Override
    public long waitedNanos() {
        return waitedNanos;
    }

    @Override
    public void close() {
        onClose.run();
    }
}
