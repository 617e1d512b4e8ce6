package dev.outboard.dma.device;

import dev.outboard.iommu.Access;
import dev.outboard.iommu.FaultReason;
import dev.outboard.iommu.IoPage;
import dev.outboard.iommu.PageTable;
import dev.outboard.uio.vhost.IotlbBatch;

/**
 * Looks up what a device misses and tells it, as one step: see {@link DeviceTranslations} for why.
 * What a device asks for is any number. One thread, that of the back-end channel; no allocation.
 */
final class MissAnswer {
    private final DeviceDomain domain;
    private final PageTable table;
    private final TableRun run;
    private final IotlbBatch batch = new IotlbBatch();
    private final IotlbBatch.Source source = this::fill;
    private long iova;
    private int access;
    private FaultReason reason;

    MissAnswer(DeviceDomain domain) {
        this.domain = domain;
        table = domain.table();
        run = new TableRun(table);
    }

    /** Answers, unless there is a reason not to; null if there is none. */
    FaultReason send(DeviceIotlb iotlb, long missedIova, int wantedAccess) {
        iova = missedIova;
        access = wantedAccess;
        reason = null;
        iotlb.feed(batch, source);
        return reason;
    }

    private void fill(IotlbBatch answer) {
        reason = reason(iova, access);
        if (reason != null) {
            return;
        }
        long first = iova & ~IoPage.OFFSET_MASK;
        long lengthBytes = (long) run.pages() << IoPage.SHIFT;
        if ((access & ~run.access()) != 0) {
            // It may know them as they are mapped, and would keep what it knows.
            answer.invalidate(first, lengthBytes);
            domain.counts().invalidated(false, 1);
        }
        answer.update(
                first, lengthBytes, run.pageFrame() << IoPage.SHIFT, domain.told(run.access()));
    }

    /** Why such an access is a fault; null if it is none, and then the run is of its page. */
    FaultReason reason(long wantedIova, int wantedAccess) {
        long page = wantedIova >>> IoPage.SHIFT;
        if (page >= table.pages()) {
            return FaultReason.OUT_OF_RANGE;
        }
        if (wantedAccess == 0) {
            return FaultReason.BAD_LENGTH;
        }
        if (!run.find(page, Long.MAX_VALUE)) {
            return FaultReason.NOT_MAPPED;
        }
        if ((wantedAccess & ~run.access()) == 0) {
            return null;
        }
        if (wantedAccess == Access.READ_WRITE && run.access() == Access.WRITE) {
            domain.letReadWhatMayBeWritten();
            return null;
        }
        return FaultReason.ACCESS_DENIED;
    }
}
