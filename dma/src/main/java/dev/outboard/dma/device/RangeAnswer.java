package dev.outboard.dma.device;

import dev.outboard.iommu.IoPage;
import dev.outboard.iommu.PageTable;
import dev.outboard.uio.vhost.IotlbBatch;

/**
 * Tells a device all that is mapped under a range, a batch at a time; each look-up and its message
 * are one step, as for a miss. One thread; for set-up, not for a data path.
 */
final class RangeAnswer {
    private final TableRun run;
    private final long endPage;
    private final IotlbBatch batch = new IotlbBatch();
    private long page;
    private int sent;

    RangeAnswer(PageTable table, long iova, long lengthBytes) {
        run = new TableRun(table);
        page = iova >>> IoPage.SHIFT;
        endPage = Math.min(table.pages(), page + IoPage.span(iova, lengthBytes));
    }

    boolean isDone() {
        return page >= endPage;
    }

    /** How many translations the last batch had. */
    int sent() {
        return sent;
    }

    void send(DeviceIotlb iotlb) {
        long before = page;
        sent = 0;
        iotlb.feed(batch, this::fill);
        if (page == before) {
            // The device is gone, and nobody filled the batch.
            page = endPage;
        }
    }

    private void fill(IotlbBatch answer) {
        while (!isDone() && !answer.isFull()) {
            if (run.find(page, endPage - page)) {
                answer.update(
                        page << IoPage.SHIFT,
                        (long) run.pages() << IoPage.SHIFT,
                        run.pageFrame() << IoPage.SHIFT,
                        run.access());
                page += run.pages();
                sent++;
            } else {
                page++;
            }
        }
    }
}
