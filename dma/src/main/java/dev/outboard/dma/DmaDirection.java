package dev.outboard.dma;

import dev.outboard.iommu.Access;

/** Which way a mapping lets data flow; part of the mapping, and enforced by the IOMMU. */
public enum DmaDirection {
    /** The device reads memory: transmit, disk write. */
    TO_DEVICE(Access.READ),

    /** The device writes memory: receive, disk read. */
    FROM_DEVICE(Access.WRITE),

    /** Both: rings and other coherent memory. */
    BIDIRECTIONAL(Access.READ_WRITE);

    private final int access;

    DmaDirection(int access) {
        this.access = access;
    }

    /** The direction that gives these rights, which are some. */
    static DmaDirection of(int access) {
        for (DmaDirection direction : values()) {
            if (direction.access == access) {
                return direction;
            }
        }
        throw new IllegalArgumentException("access=" + access + " is none");
    }

    /** The rights the device gets, as bits of {@link Access}. */
    public int access() {
        return access;
    }
}
