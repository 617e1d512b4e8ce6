package dev.outboard.backend;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.vhost.MemoryRegion;
import java.lang.foreign.MemorySegment;

/**
 * Hears of the memory that a front-end lets its device reach, for who uses it otherwise than
 * through the session's bus: to let further devices reach it. The loop's thread, outside of DMA
 * sections.
 */
public interface RegionListener {
    /** Does without. */
    RegionListener NONE =
            new RegionListener() {
                @Override
                public void came(MemoryRegion region, Descriptor file, MemorySegment memory) {}

                @Override
                public void going(MemoryRegion region) {}
            };

    /**
     * A region is there.
     *
     * @param region its own descriptor is closed
     * @param file what the region is of; the session's, to be duplicated by who keeps it
     * @param memory the region as this process sees it, and as the session's windows point into it
     */
    void came(MemoryRegion region, Descriptor file, MemorySegment memory);

    /**
     * A region is about to go back to the front-end: when this returns the listener uses none of it
     * any more. One that never came is no error.
     */
    void going(MemoryRegion region);
}
