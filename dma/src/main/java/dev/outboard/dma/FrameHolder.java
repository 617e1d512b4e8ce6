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
}
