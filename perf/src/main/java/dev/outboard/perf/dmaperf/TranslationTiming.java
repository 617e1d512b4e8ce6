package dev.outboard.perf.dmaperf;

import dev.outboard.dma.DmaWindow;
import dev.outboard.dma.IommuAttachment;
import dev.outboard.iommu.Access;
import dev.outboard.perf.report.Spread;

/**
 * What finding a page costs a device: in the IOTLB, in the table behind it, and the section around
 * it. One run of pages is mapped, several times what the IOTLB holds; walked in order, a
 * least-recently-used IOTLB never hits. One thread.
 */
final class TranslationTiming {
    private static final int PAGE_BYTES = 4096;
    private static final int FRAME_BYTES = 1500;
    private static final int CALLS = 20_000;
    private static final int WINDOWS = 101;
    private static final long WARM_UP_NANOS = 200_000_000;

    private final IommuAttachment attachment;
    private final long iova;
    private final int pages;
    private final DmaWindow window = new DmaWindow();
    private int page;
    private long refused;
    private long hitPicos;
    private long missPicos;
    private long sectionPicos;

    TranslationTiming(IommuAttachment attachment, long iova, int pages) {
        this.attachment = attachment;
        this.iova = iova;
        this.pages = pages;
    }

    void run() {
        hitPicos = median(this::hits);
        missPicos = median(this::misses);
        sectionPicos = median(this::sections);
        if (refused > 0) {
            throw new IllegalStateException("refused=" + refused + " of pages that are mapped");
        }
    }

    private long median(Runnable calls) {
        // By time, not by count: the compiler shares the processor with what it compiles.
        for (long start = System.nanoTime(); System.nanoTime() - start < WARM_UP_NANOS; ) {
            calls.run();
        }
        var samples = new double[WINDOWS];
        for (int index = 0; index < WINDOWS; index++) {
            long start = System.nanoTime();
            calls.run();
            samples[index] = 1e3 * (System.nanoTime() - start) / CALLS;
        }
        return Math.round(Spread.of(samples, WINDOWS).median());
    }

    private void hits() {
        attachment.enter();
        for (int call = 0; call < CALLS; call++) {
            refused += attachment.resolve(iova, FRAME_BYTES, Access.READ, window) ? 0 : 1;
        }
        attachment.exit();
    }

    private void misses() {
        attachment.enter();
        for (int call = 0; call < CALLS; call++) {
            page = page + 1 == pages ? 0 : page + 1;
            long wanted = iova + (long) page * PAGE_BYTES;
            refused += attachment.resolve(wanted, FRAME_BYTES, Access.READ, window) ? 0 : 1;
        }
        attachment.exit();
    }

    private void sections() {
        for (int call = 0; call < CALLS; call++) {
            attachment.enter();
            attachment.exit();
        }
    }

    long hitPicos() {
        return hitPicos;
    }

    long missPicos() {
        return missPicos;
    }

    long sectionPicos() {
        return sectionPicos;
    }
}
