package dev.outboard.dma;

import dev.outboard.iommu.PageTable;

/**
 * A domain as the process sees it that owns its table and writes it for others: the mediator. What
 * a {@link Dma} does for a driver of this process, its user does by hand, without ever waiting.
 *
 * <p>One thread writes the table and flushes; no {@link Dma} of this domain is in use meanwhile.
 * The order is that of {@link Translations}: clear, {@link #invalidate}, then {@link #pollSettled}
 * until it holds; only then may IOVA or frames be used for something else.
 */
public interface HeldDomain extends IommuDomain {
    /** The table, to be written by one thread. */
    PageTable table();

    /** Asks the devices to forget a run, already cleared. */
    void invalidate(long page, long pages);

    /** Asks the devices to forget everything. */
    void invalidateAll();

    /**
     * Whether nothing that was cleared and invalidated before can be used any more. Does not wait:
     * a device that is inside a DMA section is looked at again the next time.
     */
    boolean pollSettled();

    /** Begins what {@link #addSegment} does, and does not wait. */
    SegmentMove beginAdd(PhysicalSegment segment);

    /** Begins what {@link #removeSegment} does, and does not wait. */
    SegmentMove beginRemove(PhysicalSegment segment);

    /**
     * Who is told, on the owner's thread, that a device came or went; and at once, on the caller's,
     * if one is there.
     */
    void onDevicesChanged(Runnable listener);

    /**
     * Gives every device of this domain, attached now or later, one more piece of memory that
     * entries may name. Returns when every attached device has mapped it or is gone. Any thread but
     * the owner's, also while others map and flush.
     *
     * @param segment stays the caller's; open until it was removed here
     * @throws IllegalArgumentException if it overlaps what they have
     * @throws IllegalStateException if they have too many, or the domain is closed
     * @throws DeviceStuckException if a device has not in time; it may still do so
     */
    void addSegment(PhysicalSegment segment, long timeoutNanos);

    /**
     * Takes it away again, when no entry names it any more and that was flushed. Returns when every
     * attached device has unmapped it or is gone.
     *
     * @throws IllegalArgumentException if it was not added
     * @throws DeviceStuckException if a device has not in time: {@link #dropDevices} ends the wait
     */
    void removeSegment(PhysicalSegment segment, long timeoutNanos);

    /** Ends the connections of its devices, also of one that is stuck; waits for the owner. */
    void dropDevices();
}
