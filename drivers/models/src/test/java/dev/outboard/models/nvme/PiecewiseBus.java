package dev.outboard.models.nvme;

import dev.outboard.dma.BusMaster;
import dev.outboard.dma.DmaWindow;
import dev.outboard.iommu.Access;
import java.lang.foreign.MemorySegment;

/**
 * Memory at an IOVA, of which every fourth page is not mapped, every other fourth is read-only, and
 * which is resolved a page at a time, out of order.
 */
final class PiecewiseBus implements BusMaster {
    static final long IOVA = 0x10_0000;
    static final int PAGES = 256;
    private static final int PAGE = 4096;

    final MemorySegment memory;

    /** What was resolved for writing, by page. */
    final boolean[] written = new boolean[PAGES];

    PiecewiseBus(MemorySegment memory) {
        this.memory = memory;
    }

    static boolean isMapped(int page) {
        return page % 4 != 3;
    }

    static boolean isWritable(int page) {
        return page % 4 < 2;
    }

    @Override
    public long enter() {
        return 1;
    }

    @Override
    public long checkpoint() {
        return 1;
    }

    @Override
    public void exit() {
        // Nobody waits.
    }

    @Override
    public boolean resolve(long address, long lengthBytes, int access, DmaWindow window) {
        long offset = address - IOVA;
        if (lengthBytes <= 0 || offset < 0 || offset >= (long) PAGES * PAGE) {
            return false;
        }
        int page = (int) (offset / PAGE);
        boolean isWrite = (access & Access.WRITE) != 0;
        if (!isMapped(page) || isWrite && !isWritable(page)) {
            return false;
        }
        if (isWrite) {
            written[page] = true;
        }
        window.memory = memory;
        window.offset = offset;
        window.lengthBytes = Math.min(lengthBytes, PAGE - offset % PAGE);
        return true;
    }

    @Override
    public long ringAddress(long vringAddress) {
        return vringAddress;
    }

    @Override
    public boolean isTranslated() {
        return true;
    }

    @Override
    public void close() {
        // The memory is the test's.
    }
}
