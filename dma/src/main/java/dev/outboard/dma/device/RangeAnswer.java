package dev.outboard.dma.device;

import dev.outboard.iommu.IoPage;
import dev.outboard.uio.vhost.IotlbBatch;

/**
 * Tells a device all that is mapped under a range, a batch at a time; each look-up and its message
 * are one step, as for a miss. One thread; no allocation.
 */
final class RangeAnswer {
    private final DeviceDomain domain;
    private final TableRun run;
    private final IotlbBatch batch = new IotlbBatch();
    private final IotlbBatch.Source source = this::fill;
    private long page;
    private long endPage;
    private int sent;

    RangeAnswer(DeviceDomain domain) {
        this.domain = domain;
        run = new TableRun(domain.table());
    }

    /** Returns how many translations were sent. */
    int send(DeviceIotlb iotlb, long iova, long lengthBytes) {
        page = iova >>> IoPage.SHIFT;
        endPage = Math.min(domain.table().pages(), page + IoPage.span(iova, lengthBytes));
        sent = 0;
        while (page < endPage) {
            long before = page;
            iotlb.feed(batch, source);
            if (page == before) {
                // The device is gone, and nobody filled the batch.
                return sent;
            }
        }
        return sent;
    }

    private void fill(IotlbBatch answer) {
        while (page < endPage && !answer.isFull()) {
            if (run.find(page, endPage - page)) {
                answer.update(
                        page << IoPage.SHIFT,
                        (long) run.pages() << IoPage.SHIFT,
                        run.pageFrame() << IoPage.SHIFT,
                        domain.told(run.access()));
                page += run.pages();
                sent++;
            } else {
                page++;
            }
        }
    }
}
