package dev.outboard.dma;

import java.util.List;

/**
 * What became of the memory: how much is whose, and how fragmented the rest is. Of neighbouring
 * moments, not of one.
 *
 * @param segments by rising address
 * @param services the mapping services over this memory that are open
 */
public record MemoryReport(List<Segment> segments, List<Service> services) {
    /**
     * A segment.
     *
     * @param physicalAddress of its first byte
     * @param lengthBytes as it was plugged
     * @param pages what its pages are
     * @param hugeBytes how many of its bytes this process sees through huge pages
     * @param presentFrames page frames that were not unplugged
     * @param freeFrames to be allocated
     * @param allocatedFrames whose buffers are not closed, or that a device may still reach
     * @param mappedFrames that some mapping names, each counted once
     * @param pieces contiguous pieces of it that are plugged: one, until a part was unplugged
     * @param freeRuns runs of free frames
     * @param longestRunFrames frames of the longest of them
     * @param wholeRuns aligned runs of 2 MiB of which every frame is free
     */
    public record Segment(
            long physicalAddress,
            long lengthBytes,
            PageKind pages,
            long hugeBytes,
            long presentFrames,
            long freeFrames,
            long allocatedFrames,
            long mappedFrames,
            int pieces,
            int freeRuns,
            long longestRunFrames,
            int wholeRuns) {
        /**
         * The share of the free frames that a superpage of 2 MiB can map, 0 to 1; 1 if none is
         * free.
         */
        public double superpageShare() {
            return freeFrames == 0
                    ? 1
                    : (double) wholeRuns * FrameAllocator.BLOCK_FRAMES / freeFrames;
        }
    }

    /**
     * A mapping service.
     *
     * @param name whose it is, as errors name it
     * @param strategy how it unmaps
     * @param mappings that are live
     * @param pages under them
     */
    public record Service(String name, Strategy strategy, long mappings, long pages) {}

    /** Frames of all segments that were not unplugged. */
    public long presentFrames() {
        return segments.stream().mapToLong(Segment::presentFrames).sum();
    }

    /** Frames of all segments that can be allocated. */
    public long freeFrames() {
        return segments.stream().mapToLong(Segment::freeFrames).sum();
    }

    /** Frames of all segments that are allocated. */
    public long allocatedFrames() {
        return segments.stream().mapToLong(Segment::allocatedFrames).sum();
    }

    /** Frames of all segments that some mapping names. */
    public long mappedFrames() {
        return segments.stream().mapToLong(Segment::mappedFrames).sum();
    }
}
