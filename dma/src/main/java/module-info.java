/** Memory that devices may reach, and the service that decides when they may. */
module dev.outboard.dma {
    requires transitive dev.outboard.iommu;
    requires transitive dev.outboard.uio;

    exports dev.outboard.dma;
    exports dev.outboard.dma.device;
    exports dev.outboard.dma.mediator;
    exports dev.outboard.dma.pool;
    exports dev.outboard.dma.segment;
    exports dev.outboard.dma.window;
}
