package dev.outboard.dma;

/**
 * A mapping service whose mappings outlive their unmap: asked when pages are given back, because a
 * device may still reach them through it. Such pages are used by nobody before every holder has let
 * go of them.
 */
interface FrameHolder {
    /**
     * Takes a share of pages that a device may still reach through this service, with {@link
     * ReturnedFrames#hold}, and gives it back when none can. From any thread; must not fail.
     */
    void offer(ReturnedFrames frames);

    /**
     * Frames of somebody else may be mapped from now on. On a thread that may wait; must not fail.
     *
     * @param access the most they may be mapped for, bits of {@link dev.outboard.iommu.Access}
     */
    default void granted(long physicalAddress, long lengthBytes, int access) {}

    /**
     * Such frames are granted no more: whoever granted them takes the mappings of them away, and
     * the service may not find one again, not even if the same frames are granted anew. From any
     * thread; must not fail.
     */
    default void ended(long physicalAddress, long lengthBytes) {}
}
