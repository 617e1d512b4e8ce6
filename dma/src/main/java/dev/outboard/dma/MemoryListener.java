package dev.outboard.dma;

/**
 * Whoever must know of the segments of a {@link PhysicalMemory}, because a device reaches them
 * through it: a domain, a foreign back-end, the mediator; and whoever keeps memory for later, as a
 * page pool does.
 *
 * <pre>
 *   plug     coming ──► came                       refused by another: coming ──► going ──► went
 *   unplug   drain ──► going ──► went              refused by another: going ──► coming ──► came
 * </pre>
 *
 * <p>Called on the thread that plugs or unplugs, one change at a time. It may wait, but not for a
 * further change of the same memory.
 */
public interface MemoryListener {
    /**
     * A segment is about to come: when this returns, whoever the listener speaks for can be allowed
     * to reach it. Nobody has any of it yet.
     *
     * @throws RuntimeException if that cannot be: then the segment does not come, and the message
     *     is told to who wanted it
     */
    default void coming(PhysicalSegment segment) {}

    /** Buffers come from it now. */
    default void came(PhysicalSegment segment) {}

    /**
     * A part of a segment is wanted back: what is kept of it for later should be given back now;
     * what is given back later is not handed out again.
     */
    default void drain(long physicalAddress, long lengthBytes) {}

    /**
     * A part of a segment is about to be unplugged, the rest stays. Where devices reach only what
     * is mapped there is nothing to do: no mapping names it any more.
     *
     * @throws RuntimeException if whoever the listener speaks for has all of a segment or nothing
     */
    default void partGoing(long physicalAddress, long lengthBytes) {}

    /**
     * A whole segment is about to go; nothing of it is mapped. When this returns, whoever the
     * listener speaks for has it no more.
     *
     * @throws RuntimeException if that cannot be: then the segment stays
     */
    default void going(PhysicalSegment segment) {}

    /** It is gone: its file is closed, its addresses may come again. */
    default void went(PhysicalSegment segment) {}
}
