package dev.outboard.iommu;

/** Which entry of a full set of a translation cache gives way to a new one. */
public enum Replacement {
    /** The one not used for the longest time. */
    LRU,

    /** The one that came first. */
    FIFO,

    /** Any. */
    RANDOM,

    /**
     * One not used lately: a bit at each node of a tree over the ways points away from the last
     * use, as processors do where exact order is too costly.
     */
    PLRU
}
