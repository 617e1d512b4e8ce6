package dev.outboard.dma.mediator;

import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.PhysicalSegment;
import dev.outboard.iommu.Access;
import dev.outboard.iommu.IoPage;

/**
 * One segment of a client, as the mediator has it: the whole of it, and which frames of it the
 * client has not given back. The mediator's thread.
 */
final class ClientMemory {
    private final PhysicalMemory memory;
    private final FrameSet present = new FrameSet();

    /**
     * @param memory owned by the session
     */
    ClientMemory(PhysicalMemory memory) {
        this.memory = memory;
        present.add(
                physicalAddress() >>> IoPage.SHIFT,
                segment().lengthBytes() >>> IoPage.SHIFT,
                Access.READ_WRITE);
    }

    PhysicalMemory memory() {
        return memory;
    }

    PhysicalSegment segment() {
        return memory.segments().getFirst();
    }

    long physicalAddress() {
        return segment().physicalAddress();
    }

    long lengthBytes() {
        return segment().lengthBytes();
    }

    /** The frames that the client still has; no bookkeeping but of the caller's. */
    FrameSet present() {
        return present;
    }

    /** The whole segment, whatever the client still has of it. */
    FrameRun whole() {
        return new FrameRun(
                this, physicalAddress() >>> IoPage.SHIFT, lengthBytes() >>> IoPage.SHIFT);
    }

    /** Whether all of these frames are the client's, in one run. */
    boolean has(long firstFrame, long frames) {
        return present.contains(firstFrame, frames);
    }
}
