package dev.outboard.dma;

import java.util.BitSet;

/**
 * A user of the memory that is asked before memory changes hands: a mapping service, whose mappings
 * name frames, some of them beyond their unmap; or whoever keeps frames that were given back. Such
 * frames are used by nobody before every holder has let go of them.
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

    /**
     * A segment comes, and may be mapped from the return on.
     *
     * @throws RuntimeException if there is no room for it: then it does not come
     */
    default void coming(PhysicalSegment segment) {}

    /**
     * Memory is to go, all of its segment or a part: lets go of what it holds there and nobody
     * uses, also of what was given back, with a flush.
     *
     * @param whole whether all of the segment is to go
     * @throws RuntimeException if this cannot do without a part of a segment: then it stays
     */
    default void drain(FrameRange going, boolean whole) {}

    /** Names what there is of these frames, mapped or granted. */
    default void name(FrameRange going, MemoryUse use) {}

    /**
     * Nothing of these frames is in use, and nothing of them can be mapped: sees to it, with a
     * flush, that no device remembers any of them.
     */
    default void forget(FrameRange going) {}

    /**
     * Takes away every mapping of these frames, with a flush; they cannot be mapped anew. What its
     * user unmaps later is accepted, once.
     */
    default void revoke(FrameRange going) {}

    /** The frames stay after all, and can be mapped. */
    default void stays(FrameRange stays) {}

    /**
     * Marks which frames of a range some mapping names, by their place in it. Stops nobody: what
     * changes meanwhile may be marked or not.
     */
    default void mark(FrameRange range, BitSet mapped) {}

    /** What it has, if it is a mapping service; else null. From any thread. */
    default MemoryReport.Service account() {
        return null;
    }
}
