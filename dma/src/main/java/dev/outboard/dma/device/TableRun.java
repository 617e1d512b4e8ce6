package dev.outboard.dma.device;

import dev.outboard.iommu.PageTable;
import dev.outboard.iommu.Translation;

/**
 * The longest run from a page on that one UPDATE can tell: contiguous in memory, with the same
 * rights. One thread; no allocation.
 */
final class TableRun {
    /**
     * The most pages of one run, and what it does not cross: 2 MiB. An INVALIDATE of any page of it
     * drops all of it, so that more is not always better.
     */
    static final int MAX_PAGES = 512;

    private final PageTable table;
    private long pageFrame;
    private int access;
    private int pages;

    TableRun(PageTable table) {
        this.table = table;
    }

    /** Walks; false if nothing is mapped at the page. */
    boolean find(long page, long atMost) {
        long first = table.walk(page);
        pages = 0;
        if (first == Translation.NONE) {
            return false;
        }
        pageFrame = Translation.pageFrame(first);
        access = Translation.access(first);
        long most = Math.min(atMost, MAX_PAGES - (page & MAX_PAGES - 1));
        pages = 1;
        while (pages < most && continues(table.walk(page + pages))) {
            pages++;
        }
        return true;
    }

    private boolean continues(long translation) {
        return translation != Translation.NONE
                && Translation.pageFrame(translation) == pageFrame + pages
                && Translation.access(translation) == access;
    }

    long pageFrame() {
        return pageFrame;
    }

    int access() {
        return access;
    }

    int pages() {
        return pages;
    }
}
