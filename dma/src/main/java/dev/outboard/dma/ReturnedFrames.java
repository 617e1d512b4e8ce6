package dev.outboard.dma;

import dev.outboard.iommu.IoPage;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Pages that their owner has given back and that devices may still reach: free once nobody holds
 * them. Any thread.
 */
final class ReturnedFrames {
    private final PhysicalMemory memory;
    private final PhysicalSegment segment;
    private final long physicalAddress;
    private final int pages;

    /** Whoever gives them back holds them while it asks who else does. */
    private final AtomicInteger holders = new AtomicInteger(1);

    ReturnedFrames(
            PhysicalMemory memory, PhysicalSegment segment, long physicalAddress, int pages) {
        this.memory = memory;
        this.segment = segment;
        this.physicalAddress = physicalAddress;
        this.pages = pages;
    }

    long firstFrame() {
        return physicalAddress >>> IoPage.SHIFT;
    }

    int pages() {
        return pages;
    }

    /** One more holds them; called only while somebody does. */
    void hold() {
        holders.incrementAndGet();
    }

    /** One holder less; after the last, anybody may be given the pages. */
    void release() {
        if (holders.decrementAndGet() == 0) {
            memory.released(pages);
            segment.giveBack(physicalAddress, pages);
        }
    }
}
