package dev.outboard.dma.segment;

/**
 * The physical segments of a memory: ranges of page frames that are there, each with a handle.
 *
 * <p>Any thread. Everything but {@link #plug}, {@link #unplug} and {@link #memoryUp} is answered
 * from one snapshot, without a lock and without allocating; nothing ever sees half of a change.
 * Changes wait for one another, and allocate.
 *
 * <p>An invalid handle is answered by {@link #INVALID}, as no frame and no list has that value.
 * Neighbouring segments are never joined.
 *
 * <p>Nobody here knows whether a frame is in use: whoever unplugs makes sure that it is not.
 */
public sealed interface SegmentMap permits PersistentSegments, SortedArraySegments {
    /** No segment: the frame is not there, the handle is not one, or memory ran out. */
    long INVALID = -1;

    /** There is no segment at all, or none before the first. */
    long EMPTY = -2;

    /** There is no segment after the last. */
    long OVERFLOW = -3;

    /** Frames are below this: 4 PiB, what 52 bits of physical address reach. */
    long END_FRAME = 1L << 40;

    /** How many segments can be plugged before memory is up: NetBSD's VM_PHYSSEG_MAX. */
    int BOOT_SEGMENTS = 32;

    /**
     * Makes frames {@code startFrame} to {@code endFrame}, exclusive, a segment.
     *
     * @param availStart the first of them that may be handed out
     * @param availEnd after the last of them that may be handed out
     * @param freeList the free list its frames belong to, 0 or more
     * @return the handle; {@link #INVALID} if there is no memory for it, and then nothing changed
     * @throws IllegalArgumentException if the range is empty, beyond {@link #END_FRAME} or overlaps
     *     a segment, or the available range is not within it
     */
    long plug(long startFrame, long endFrame, long availStart, long availEnd, int freeList);

    /** {@link #plug(long, long, long, long, int)} with all frames available, on free list 0. */
    default long plug(long startFrame, long endFrame) {
        return plug(startFrame, endFrame, startFrame, endFrame, 0);
    }

    /**
     * Takes frames away, all of one segment. From its start or end: it shrinks. From its middle:
     * the part below keeps the handle, the part above becomes a segment with its own. All of it:
     * the handle is invalid from now on, and no other segment ever has it.
     *
     * @return false if there is no memory for the change, and then nothing changed
     * @throws IllegalArgumentException if the range is empty, not plugged, or not of one segment
     */
    boolean unplug(long startFrame, long frames);

    /**
     * Boot is over: from now on segments come from the heap. Before, they come from a fixed array
     * of {@link #BOOT_SEGMENTS}, nothing is allocated, and all calls come from one thread. Handles
     * stay. Without effect if memory is up already.
     *
     * @throws OutOfMemoryError if the heap has no room, and then nothing changed
     */
    void memoryUp();

    /**
     * The handle of the segment that a frame belongs to, or {@link #INVALID}; any number will do.
     */
    long find(long frame);

    /**
     * The segment that a frame belongs to, and where in it, all of one moment.
     *
     * @param into filled only if there is one
     */
    boolean find(long frame, SegmentPlace into);

    /** The segment with this handle, all of one moment; its offset is 0. */
    boolean segment(long handle, SegmentPlace into);

    /** Whether it is the handle of a segment; any number will do. */
    boolean valid(long handle);

    /** The first frame. */
    long start(long handle);

    /** After the last frame. */
    long end(long handle);

    /** The first frame that may be handed out. */
    long availStart(long handle);

    /** After the last frame that may be handed out. */
    long availEnd(long handle);

    /** The free list that the frames belong to. */
    long freeList(long handle);

    /** The frame where the search for a free one begins: the first available, until it is set. */
    long startHint(long handle);

    /**
     * Sets {@link #startHint}. A hint beyond what is left of the segment counts as its start or
     * end.
     *
     * @return false if there is no such segment
     */
    boolean setStartHint(long handle, long frame);

    /** The segment of the lowest frames, or {@link #EMPTY}. */
    long first();

    /** The segment of the highest frames, or {@link #EMPTY}. */
    long last();

    /** The segment above, {@link #OVERFLOW} after the last, {@link #INVALID} for no handle. */
    long next(long handle);

    /** The segment below, {@link #EMPTY} before the first, {@link #INVALID} for no handle. */
    long prev(long handle);

    /** The highest frame that is there, or {@link #INVALID}. */
    long highestFrame();

    /** How many segments there are. */
    int count();
}
