package dev.outboard.dma.window;

import dev.outboard.dma.PhysicalSegment;

/**
 * Who keeps windows from IOVA to memory of this process.
 *
 * <p>One thread of a mapping service at a time, but several services at once.
 */
public interface DmaWindows {
    /** The most windows at a time. */
    int limit();

    /**
     * Lets the device reach a run of memory.
     *
     * @param offset of the run in the segment
     * @param access bits of {@link dev.outboard.iommu.Access}
     * @throws RuntimeException if it cannot be; then nothing is mapped
     */
    void map(long iova, PhysicalSegment segment, long offset, long lengthBytes, int access);

    /**
     * Takes away one window, all of it: when this returns the device does not reach it.
     *
     * @throws RuntimeException if the keeper of the windows is gone
     */
    void unmap(long iova, long lengthBytes);
}
