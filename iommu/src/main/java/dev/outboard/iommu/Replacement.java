package dev.outboard.iommu;

/** Which entry of a full set of the IOTLB gives way to a new one. */
public enum Replacement {
    /** The one not used for the longest time. */
    LRU,

    /** The one that came first. */
    FIFO,

    /** Any. */
    RANDOM
}
