package dev.outboard.iommu;

import java.lang.foreign.MemorySegment;

/**
 * How one thread of the owner asks one device to drop translations, and sees that it did.
 *
 * <p>The flush is: clear the table's entries; {@link #request} on every device; <em>full
 * fence</em>; wait until each {@link #isSettled}. The fence is the caller's, one for all devices.
 *
 * <p>One thread; whoever takes a lane over must have seen what its last thread did. What the owner
 * relies on is never read back from the page, as the device could have overwritten it. No method
 * allocates.
 */
public final class InvalidationLane {
    private static final int RING_MASK = ControlPageDescriptor.INVALIDATIONS - 1;

    private final MemorySegment page;
    private final int requestedOffset;
    private final int completedOffset;
    private final int ringOffset;
    private long requested;

    InvalidationLane(MemorySegment page, int index) {
        this.page = page;
        requestedOffset = ControlPageDescriptor.REQUESTED_OFFSET + index * Long.BYTES;
        completedOffset = ControlPageDescriptor.COMPLETED_OFFSET + index * Long.BYTES;
        ringOffset =
                ControlPageDescriptor.INVALIDATIONS_OFFSET
                        + index * ControlPageDescriptor.RING_BYTES;
    }

    /**
     * Asks the device to drop its whole IOTLB. Entries that the owner cleared before are seen
     * cleared after.
     */
    public void requestAll() {
        publish(ControlPageDescriptor.EVERYTHING);
    }

    /** The same, and asks it to count what was stale: see {@link DeviceCounters#staleHeld}. */
    public void requestAllCounted() {
        publish(ControlPageDescriptor.EVERYTHING_COUNTED);
    }

    /** Asks the device to drop a run of IOVA pages; one that is too long drops everything. */
    public void request(long firstPage, long pages) {
        if (pages <= 0 || pages > ControlPageDescriptor.MAX_INVALIDATION_PAGES) {
            publish(ControlPageDescriptor.EVERYTHING);
            return;
        }
        publish(firstPage << ControlPageDescriptor.INVALIDATION_PAGE_SHIFT | pages);
    }

    private void publish(long invalidation) {
        requested++;
        long slot = ringOffset + (requested & RING_MASK) * Long.BYTES;
        // Release, not plain: the slot may not be overwritten before the generation before is
        // visible, by which the device knows that the slot's old content is gone. Partner: the
        // second look at "requested" in Translator.dropNamed.
        ControlPage.setRelease(page, slot, invalidation);
        // Release: who sees the generation sees its slot and the cleared table entries. Partner:
        // Translator.enter.
        ControlPage.setRelease(page, requestedOffset, requested);
    }

    /**
     * Whether the device can use nothing that was invalid before the last request: it has caught
     * up, or is outside a DMA section and will catch up when it enters. Only after a full fence
     * that followed the request.
     */
    public boolean isSettled() {
        // Acquire: the device's memory accesses of a section it has left, or of one before it
        // caught up, are over. Partners: the releases in Translator.exit and Translator.catchUp.
        return ControlPage.getAcquire(page, ControlPageDescriptor.INSIDE_OFFSET) == 0
                || ControlPage.getAcquire(page, completedOffset) == requested;
    }

    /** Generations asked for so far. */
    public long requested() {
        return requested;
    }
}
