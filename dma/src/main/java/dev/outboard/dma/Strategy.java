package dev.outboard.dma;

/** How a mapping is undone, and so how long a stale IOVA still works. */
public enum Strategy {
    /** No IOMMU: the IOVA is the physical address, and everything is reachable always. */
    OFF,

    /** Every unmap ends with a flush: a stale IOVA never works. */
    STRICT,

    /**
     * The IOTLB is flushed when the IOVA allocator rolls over: a stale IOVA may work until then
     * (The Price of Safety, section 4.1).
     */
    DEFERRED
}
