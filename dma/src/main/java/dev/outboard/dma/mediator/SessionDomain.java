package dev.outboard.dma.mediator;

import dev.outboard.dma.HeldDomain;
import dev.outboard.iommu.PageTable;
import dev.outboard.iommu.TableFormat;
import dev.outboard.iommu.Translation;
import java.util.ArrayList;
import java.util.List;

/**
 * A client's domain as the mediator holds it: the table, who uses which page of it, and which
 * frames may be put there. Everything a client asks of it is checked here, on values that were
 * copied before.
 *
 * <p>The mediator's thread alone. What requests need allocates nothing.
 */
final class SessionDomain {
    private final long id;
    private final ClientSession session;
    private final HeldDomain held;
    private final PageTable table;
    private final FrameSet frames = new FrameSet();
    private final PageUse use;
    private final List<Grant> grants = new ArrayList<>();
    private final long endPage;
    private final long granuleMask;
    private final long maxFrame;
    private final boolean singleEntries;
    private final QuotaUse entries;
    private final QuotaUse mappings;

    /** The devices must forget everything, because they cannot forget single entries. */
    private boolean allDue;

    /** Sweeps that go on: the client's requests wait, so that they cannot hold the flush up. */
    private int sweeps;

    private boolean closing;
    private boolean closed;

    SessionDomain(long id, ClientSession session, HeldDomain held) {
        this.id = id;
        this.session = session;
        this.held = held;
        table = held.table();
        TableFormat format = held.options().format();
        endPage = table.pages() - format.reservedLastPages();
        granuleMask = (1L << format.granuleShift()) - 1;
        maxFrame = format.maxPageFrame();
        singleEntries = format.invalidatesSingleEntries();
        use = new PageUse(table.pages());
        entries = session.entries();
        mappings = session.mappings();
    }

    long id() {
        return id;
    }

    ClientSession session() {
        return session;
    }

    HeldDomain held() {
        return held;
    }

    FrameSet frames() {
        return frames;
    }

    PageUse use() {
        return use;
    }

    List<Grant> grants() {
        return grants;
    }

    long endPage() {
        return endPage;
    }

    boolean isClosing() {
        return closing;
    }

    void setClosing() {
        closing = true;
    }

    boolean isClosed() {
        return closed;
    }

    /** Nothing reaches anything through it any more: its devices are detached, its name is free. */
    void close() {
        closed = true;
        held.dropDevices();
        held.close();
    }

    void beginSweep() {
        sweeps++;
    }

    void endSweep() {
        sweeps--;
    }

    boolean isSwept() {
        return sweeps > 0;
    }

    private boolean isInWindow(long page, int pages) {
        return pages >= 1
                && pages <= Request.MAX_PAGES
                && page >= 1
                && page <= endPage - pages
                && ((page | pages) & granuleMask) == 0;
    }

    /** Checks and charges a map; from then on its pages are taken, but not in the table yet. */
    Status stage(long first, long second) {
        long page = Request.page(first);
        int pages = Request.pages(first);
        long frame = Request.pageFrame(second);
        int access = Request.access(second);
        int flags = Request.flags(second);
        if (access == 0 || (flags & ~Request.ESSENTIAL) != 0) {
            return Status.MALFORMED;
        }
        if (!isInWindow(page, pages) || (frame & granuleMask) != 0) {
            return Status.OUTSIDE_WINDOW;
        }
        int index = frames.find(frame, pages);
        if (index < 0) {
            return Status.FOREIGN_FRAMES;
        }
        if ((access & ~frames.access(index)) != 0) {
            return Status.ACCESS_NOT_GRANTED;
        }
        if (frame > maxFrame - pages + 1) {
            return Status.TABLE_FULL;
        }
        if (!use.take(page, pages)) {
            return Status.ALREADY_MAPPED;
        }
        return charge(page, pages, flags != 0);
    }

    private Status charge(long page, int pages, boolean essential) {
        if (!entries.charge(pages, essential)) {
            use.release(page, pages);
            return Status.ENTRIES_QUOTA;
        }
        if (!mappings.charge(1, essential)) {
            entries.uncharge(pages);
            use.release(page, pages);
            return Status.MAPPINGS_QUOTA;
        }
        return Status.DONE;
    }

    /** Whether the frames of a staged map may still be mapped: a grant may have ended meanwhile. */
    boolean mayStillMap(long first, long second) {
        int index = frames.find(Request.pageFrame(second), Request.pages(first));
        return index >= 0 && (Request.access(second) & ~frames.access(index)) == 0;
    }

    /** Takes a staged map back. */
    void unstage(long first) {
        int pages = Request.pages(first);
        use.release(Request.page(first), pages);
        entries.uncharge(pages);
        mappings.uncharge(1);
    }

    /** Puts a staged map into the table; nobody may clear it yet. */
    void apply(long first, long second) {
        table.map(
                Request.page(first),
                Request.pageFrame(second),
                Request.pages(first),
                Request.access(second));
    }

    /** The batch of a map that was applied is over: it may be cleared. */
    void settle(long first) {
        use.settle(Request.page(first));
    }

    /** Takes what was applied out of the table again, unless it was revoked meanwhile. */
    void unapply(long first) {
        if (!use.isRevoked(Request.page(first))) {
            table.clear(Request.page(first), Request.pages(first));
        }
        allDue = true;
    }

    Status clear(long first, long second) {
        long page = Request.page(first);
        int pages = Request.pages(first);
        if ((second & ~(long) Request.INVALIDATE) != 0) {
            return Status.MALFORMED;
        }
        if (!isInWindow(page, pages)) {
            return Status.OUTSIDE_WINDOW;
        }
        int count = use.mappings(page, pages);
        if (count < 0) {
            return Status.NOT_MAPPED;
        }
        if (use.hasRevoked()) {
            clearOneByOne(page, pages);
        } else {
            table.clear(page, pages);
        }
        use.release(page, pages);
        entries.uncharge(pages);
        mappings.uncharge(count);
        if (second != 0) {
            forget(page, pages);
        }
        return Status.DONE;
    }

    private void clearOneByOne(long page, int pages) {
        long end = page + pages;
        long start = page;
        while (start < end) {
            int length = use.length(start, end);
            if (!use.isRevoked(start)) {
                table.clear(start, length);
            }
            start += length;
        }
    }

    Status forget(long first) {
        long page = Request.page(first);
        int pages = Request.pages(first);
        if (!isInWindow(page, pages)) {
            return Status.OUTSIDE_WINDOW;
        }
        forget(page, pages);
        return Status.DONE;
    }

    private void forget(long page, int pages) {
        if (singleEntries) {
            held.invalidate(page, pages);
        } else {
            allDue = true;
        }
    }

    void forgetAll() {
        allDue = true;
    }

    /** Everything was asked for that shall be forgotten: {@link #isSettled} from now on. */
    void beginSettling() {
        if (allDue) {
            allDue = false;
            held.invalidateAll();
        }
    }

    /** Whether nothing that was cleared and to be forgotten can be used. Never waits. */
    boolean isSettled() {
        return held.pollSettled();
    }

    /**
     * Takes the mappings of some frames that begin at a page or after it out of the table, so many
     * pages at most; the client keeps their IOVA, until it clears them as always.
     *
     * @return where to go on; {@link #endPage()} at the end
     */
    long revoke(long from, long firstFrame, long endFrame, int budget) {
        return walk(
                from,
                firstFrame,
                endFrame,
                budget,
                (start, pages) -> {
                    table.clear(start, pages);
                    use.revoke(start);
                });
    }

    /** What is done with a mapping that {@link #walk} finds. */
    @FunctionalInterface
    interface Found {
        void mapping(long page, int pages);
    }

    /**
     * Goes through the mappings of some frames that begin at a page or after it, so many pages at
     * most, and passes over those that were revoked.
     *
     * @return where to go on; {@link #endPage()} at the end
     */
    long walk(long from, long firstFrame, long endFrame, int budget, Found found) {
        long page = use.nextStart(from, Math.min(endPage, from + 64L * budget));
        int left = budget;
        while (page < endPage && left > 0) {
            if (!use.isStart(page)) {
                return page;
            }
            int length = use.length(page, endPage);
            long translation = use.isRevoked(page) ? 0 : table.walk(page);
            long frame = Translation.pageFrame(translation);
            // Frames of a mapping follow each other: it begins before, or within, or after.
            if (translation != 0 && frame < endFrame && frame + length > firstFrame) {
                found.mapping(page, length);
            }
            left -= length;
            page = use.nextStart(page + length, Math.min(endPage, page + length + 64L * budget));
        }
        return page;
    }
}
