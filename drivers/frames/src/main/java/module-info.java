/** What network drivers share: frame buffers in DMA memory, and their queues over any ring. */
module dev.outboard.frames {
    requires transitive dev.outboard.driver;

    exports dev.outboard.frames;
}
