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
    DEFERRED,

    /**
     * As strict, but many are unmapped together with one flush (section 4.3.3): a stale IOVA never
     * works once the unmapping has returned.
     */
    BATCHED,

    /**
     * A mapping outlives its unmap and is found again when the same frames are mapped next (section
     * 4.3.2): a stale IOVA works until its mapping is evicted.
     */
    CACHED,

    /**
     * All memory of the driver is mapped when the service starts (section 4.3.1): every IOVA works
     * all the time, and only other drivers are protected from this one.
     */
    PREALLOCATED,

    /** What was mapped once is never unmapped (section 4.3.4): a stale IOVA works for ever. */
    NEVER_FREE,

    /**
     * A client's memory is mapped when it is granted (section 4.4): an IOVA works until the grant
     * ends.
     */
    GRANTED,

    /**
     * Data is copied through shadow buffers that are mapped for good (Markuze and others, 2016): a
     * stale IOVA reaches a shadow, never the driver's memory, also below the size of a page.
     */
    COPIED
}
