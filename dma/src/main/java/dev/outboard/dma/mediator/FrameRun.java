package dev.outboard.dma.mediator;

import dev.outboard.iommu.IoPage;

/**
 * Frames of one segment that a client gives back or grants: all of them its own, or the whole
 * segment, with holes where it gave some back before.
 *
 * @param memory the segment they lie in
 */
record FrameRun(ClientMemory memory, long firstFrame, long frames) {
    long endFrame() {
        return firstFrame + frames;
    }

    long physicalAddress() {
        return firstFrame << IoPage.SHIFT;
    }

    long lengthBytes() {
        return frames << IoPage.SHIFT;
    }

    /** Whether it is all that its client still has of the segment. */
    boolean isTheRest() {
        return memory.present().framesIn(firstFrame, endFrame()) == memory.present().frames();
    }

    boolean overlaps(Grant grant) {
        return grant.memory() == memory
                && grant.firstFrame() < endFrame()
                && firstFrame < grant.endFrame();
    }
}
