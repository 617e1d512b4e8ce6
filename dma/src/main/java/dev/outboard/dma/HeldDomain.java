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

    /** Who is told, on the owner's thread, that a device came or went. */
    void onDevicesChanged(Runnable listener);

    /** Ends the connections of its devices, also of one that is stuck; waits for the owner. */
    void dropDevices();
}
