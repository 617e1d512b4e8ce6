package dev.outboard.dma.device;

import dev.outboard.dma.SideFlush;
import dev.outboard.dma.Translations;
import dev.outboard.iommu.IoPage;
import dev.outboard.iommu.IovaAllocator;
import dev.outboard.iommu.PageTable;
import dev.outboard.iommu.Translation;
import dev.outboard.uio.vhost.IotlbBatch;

/**
 * Translations in a table of this process, of which a device keeps some in an IOTLB: what is mapped
 * is pushed to it, so that it need not ask at first use, and what is unmapped is taken from it.
 *
 * <p>One thread, that of its mapping service; each has its own. No allocation but for exceptions.
 *
 * <p>The race that matters is between an unmap here and a miss that {@link DeviceDomain} answers
 * meanwhile. Here the entry is cleared first, and the INVALIDATE sent after. There, look-up and
 * UPDATE are one step for the connection. So either the UPDATE is sent before the INVALIDATE, which
 * kills it, or the look-up comes after the clearing, and finds nothing.
 */
final class DeviceTranslations implements Translations {
    private final DeviceDomain domain;
    private final PageTable table;
    private final IovaAllocator iovas;
    private final Runnable onClose;

    /** Mapped since the last commit, to be pushed: parallel arrays, merged where they adjoin. */
    private final long[] mappedPages = new long[IotlbBatch.MAX_MESSAGES];

    private final long[] mappedFrames = new long[IotlbBatch.MAX_MESSAGES];
    private final int[] mappedCounts = new int[IotlbBatch.MAX_MESSAGES];
    private final int[] mappedAccess = new int[IotlbBatch.MAX_MESSAGES];
    private int mapped;

    private final IotlbBatch updates = new IotlbBatch();
    private final IotlbBatch invalidations = new IotlbBatch();
    private final IotlbBatch.Source mappings = this::fill;
    private final RangeAnswer ranges;

    /** The last range to be invalidated, which may still grow; none if it has no page. */
    private long rangePage;

    private long rangePages;

    /** Of a timer's thread, if there is one. */
    private DeviceSideFlush side;

    private boolean asked;
    private boolean all;
    private long flushes;
    private long waitedNanos;

    DeviceTranslations(DeviceDomain domain, IovaAllocator iovas, Runnable onClose) {
        this.domain = domain;
        table = domain.table();
        ranges = new RangeAnswer(domain);
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
        int last = mapped - 1;
        if (last >= 0 && continues(last, page, pageFrame, access)) {
            mappedCounts[last] += pages;
            return;
        }
        if (mapped == mappedPages.length) {
            commit();
        }
        mappedPages[mapped] = page;
        mappedFrames[mapped] = pageFrame;
        mappedCounts[mapped] = pages;
        mappedAccess[mapped] = access;
        mapped++;
    }

    @Override
    public long frame(long page) {
        long translation = table.walk(page);
        return translation == Translation.NONE ? NO_FRAME : Translation.pageFrame(translation);
    }

    private boolean continues(int run, long page, long pageFrame, int access) {
        int pages = mappedCounts[run];
        return mappedPages[run] + pages == page
                && mappedFrames[run] + pages == pageFrame
                && mappedAccess[run] == access;
    }

    @Override
    public void commit() {
        DeviceIotlb iotlb = domain.iotlb();
        if (iotlb != null && mapped > 0) {
            iotlb.feed(updates, mappings);
            domain.counts().pushed(mapped);
        }
        // Without a device there is nobody to push to: it will miss, and be answered.
        mapped = 0;
    }

    private void fill(IotlbBatch batch) {
        for (int run = 0; run < mapped; run++) {
            batch.update(
                    mappedPages[run] << IoPage.SHIFT,
                    (long) mappedCounts[run] << IoPage.SHIFT,
                    mappedFrames[run] << IoPage.SHIFT,
                    domain.told(mappedAccess[run]));
        }
    }

    @Override
    public void clear(long page, int pages) {
        domain.cleared().note(page, pages);
        table.clear(page, pages);
    }

    @Override
    public void invalidate(long page, int pages) {
        asked = true;
        if (all) {
            return;
        }
        if (rangePages > 0 && rangePage + rangePages == page) {
            rangePages += pages;
            return;
        }
        addRange();
        rangePage = page;
        rangePages = pages;
    }

    /** More ranges than a batch holds are not worth naming: everything goes. */
    private void addRange() {
        if (rangePages == 0) {
            return;
        }
        if (invalidations.isFull()) {
            all = true;
        } else {
            invalidations.invalidate(rangePage << IoPage.SHIFT, rangePages << IoPage.SHIFT);
        }
        rangePages = 0;
    }

    @Override
    public void invalidateAll() {
        asked = true;
        all = true;
    }

    @Override
    public void settle() {
        if (!asked) {
            return;
        }
        addRange();
        if (all) {
            invalidations.clear();
            invalidations.invalidate(0, table.pages() << IoPage.SHIFT);
        }
        long started = System.nanoTime();
        try {
            DeviceIotlb iotlb = domain.iotlbAfterClear();
            if (iotlb != null) {
                flushes++;
                iotlb.invalidate(invalidations);
                domain.counts().invalidated(all, invalidations.count());
                if (all) {
                    domain.pushAgain(iotlb, ranges);
                }
            }
        } finally {
            waitedNanos += System.nanoTime() - started;
            invalidations.clear();
            asked = false;
            all = false;
        }
    }

    @Override
    public SideFlush sideFlush() {
        side = new DeviceSideFlush(domain);
        return side;
    }

    @Override
    public long flushes() {
        return flushes + (side == null ? 0 : side.flushes());
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
