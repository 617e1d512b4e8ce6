package dev.outboard.dma;

import dev.outboard.iommu.IoPage;

/**
 * A run of page frames.
 *
 * @param first the first frame number
 * @param end the frame number after the last
 */
record FrameRange(long first, long end) {
    /** The frames of whole pages. */
    static FrameRange of(long physicalAddress, long lengthBytes) {
        return new FrameRange(
                physicalAddress >>> IoPage.SHIFT, physicalAddress + lengthBytes >>> IoPage.SHIFT);
    }

    /** The frames of whole pages that a segment began with. */
    static FrameRange of(PhysicalSegment segment) {
        return of(segment.physicalAddress(), segment.lengthBytes());
    }

    boolean overlaps(long firstFrame, long frames) {
        return firstFrame < end && first < firstFrame + frames;
    }

    int frames() {
        return Math.toIntExact(end - first);
    }

    long physicalAddress() {
        return first << IoPage.SHIFT;
    }

    long lengthBytes() {
        return end - first << IoPage.SHIFT;
    }
}
