package dev.outboard.dma;

/** What {@link DmaDebug} finds. */
public enum DmaMistake {
    /** A mapping was still there when its service closed. */
    LEFT_MAPPED,

    /** What was unmapped before was unmapped again. */
    UNMAPPED_TWICE,

    /** What never was mapped, or too long ago to tell, was unmapped. */
    UNMAPPED_UNKNOWN,

    /** Unmapped with another length than it was mapped with. */
    WRONG_LENGTH,

    /** A buffer of a list was unmapped alone, or a list by a service that has not mapped it. */
    WRONG_LIST,

    /** Bytes that are not of one mapping were synced; coherent memory needs none. */
    SYNC_UNKNOWN,

    /**
     * The processor changed a buffer that the device reads, while it was mapped, and did not sync
     * it: the device may have seen either.
     */
    SYNC_FORGOTTEN,

    /** The same bytes are mapped in different directions at a time. */
    DIRECTIONS_CONTRADICT,

    /** Memory was given back while it was mapped. */
    CLOSED_WHILE_MAPPED,

    /**
     * Memory changed after it was given back: a device used a stale IOVA inside the strategy's
     * window, or the driver kept the memory.
     */
    CHANGED_AFTER_CLOSE,

    /** A device used an IOVA after it was unmapped, and was stopped. */
    DEVICE_AFTER_UNMAP,

    /** A device went against the direction of a mapping, and was stopped. */
    DEVICE_AGAINST_DIRECTION,

    /** A device used an IOVA that no mapping is known for, and was stopped. */
    DEVICE_ASTRAY,

    /** More mappings were live than was expected; told once. */
    TOO_MANY
}
