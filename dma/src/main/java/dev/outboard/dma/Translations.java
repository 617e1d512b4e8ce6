package dev.outboard.dma;

import dev.outboard.iommu.IovaAllocator;

/**
 * Whatever holds the translations behind a mapping service: the emulated table, the mediator,
 * vhost-user's IOTLB messages. Strategies are written against this, so any of them runs over any
 * holder.
 *
 * <p>One thread, that of the mapping service; each service has its own. Pages are IOVA pages and
 * page frames of 4 KiB. On the common path no method allocates.
 *
 * <p>The order of calls is the protocol: {@link #map} any number of times, then {@link #commit},
 * after which the device can use them. {@link #clear} any number of times, {@link #invalidate} for
 * those that a device may remember, then {@link #settle}, after which none of them works. Only then
 * may IOVA or frames be used for something else.
 */
public interface Translations extends AutoCloseable {
    /** Log2 of the pages that the smallest entry covers: runs are aligned to that. */
    int granuleShift();

    /** Pages of IOVA, from page 0. */
    long pages();

    /** The IOVA pages of this service's thread; the service's own for its life. */
    IovaAllocator iovas();

    /**
     * Lets a device reach a run of page frames, from {@link #commit} on at the latest.
     *
     * @param access bits of {@link dev.outboard.iommu.Access}
     */
    void map(long page, long pageFrame, int pages, int access);

    /**
     * Returns when every {@link #map} since the last commit works.
     *
     * @throws QuotaExceededException if the holder refuses; then none of them is mapped
     */
    void commit();

    /** Takes a run away, from {@link #settle} on at the latest. */
    void clear(long page, int pages);

    /** Asks the devices to forget a run, already cleared. */
    void invalidate(long page, int pages);

    /** Asks the devices to forget everything, and to count what they held that was stale. */
    void invalidateAll();

    /**
     * Waits until nothing that was cleared and invalidated can be used.
     *
     * @throws DeviceStuckException if a device does not leave its DMA section in time
     */
    void settle();

    /** Flushes asked of the devices: settlements that had something to settle. */
    long flushes();

    /** Time spent waiting in {@link #settle}, beyond a look. */
    long waitedNanos();

    /** The service has unmapped everything and settled: its IOVA pages may go to others. */
    @Override
    void close();
}
