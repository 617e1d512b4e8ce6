package dev.outboard.dma.mediator;

import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.PhysicalSegment;
import dev.outboard.iommu.IoPage;

/**
 * One segment of a client, as the mediator has it.
 *
 * @param memory owned by the session
 */
record ClientMemory(PhysicalMemory memory) {
    PhysicalSegment segment() {
        return memory.segments().getFirst();
    }

    long physicalAddress() {
        return segment().physicalAddress();
    }

    long firstFrame() {
        return physicalAddress() >>> IoPage.SHIFT;
    }

    long frames() {
        return segment().lengthBytes() >>> IoPage.SHIFT;
    }
}
