package dev.outboard.dma;

import dev.outboard.iommu.IovaAllocator;

/**
 * Whatever holds the translations behind a mapping service: the emulated table, the mediator,
 * vhost-user's IOTLB messages. Strategies are written against this, so any of them runs over any
 * holder.
 *
 * <pre>
 *   map, map, … ──► commit      now the device reaches them
 *   clear, clear, … ──► invalidate, … or invalidateAll ──► settle      now it does not
 * </pre>
 *
 * <p><b>What a holder must guarantee.</b>
 *
 * <ol>
 *   <li>After {@link #commit} every run mapped before it works, with its rights and no others.
 *   <li>If {@code commit} throws, no run mapped since the last commit works, and no device
 *       remembers one: their IOVA pages and frames are used for something else at once, without a
 *       flush.
 *   <li>After {@link #settle} nothing works that was cleared <em>and</em> covered by an {@link
 *       #invalidate} or {@link #invalidateAll} between that clear and this settle: not in a
 *       device's IOTLB, not by an access that a device had begun.
 *   <li>A run that was cleared is never found again by a device that did not remember it, from the
 *       next {@code settle} on at the latest.
 *   <li>If {@code settle} throws {@link DeviceStuckException}, what was cleared stays cleared, what
 *       was invalidated counts as not invalidated, and the next {@code invalidateAll} and {@code
 *       settle} make up for it.
 *   <li>Between a {@code clear} and a {@code map} of the same pages there is a {@code settle} that
 *       did not throw: strategies see to that. A holder may rely on it.
 *   <li>Calls take effect in their order. A holder may act on a {@code map} before its commit and
 *       on a {@code clear} before its settle, or keep many back and pass them on together.
 * </ol>
 *
 * <p>One thread, that of the mapping service; each service of a domain has its own, with its own
 * {@link #iovas}, and guarantees hold for each by itself: a settle is for what its own service
 * cleared. Pages are IOVA pages and page frames of 4 KiB. On the common path no method allocates.
 */
public interface Translations extends AutoCloseable {
    /** Log2 of the pages that the smallest entry covers: runs are aligned to that. */
    int granuleShift();

    /** Pages of IOVA, from page 0. */
    long pages();

    /**
     * The IOVA of this service's thread, the service's own for its life. Its units are the smallest
     * entries: of {@code 1 << granuleShift()} pages each.
     */
    IovaAllocator iovas();

    /**
     * Lets a device reach a run of page frames, from {@link #commit} on at the latest.
     *
     * @param access bits of {@link dev.outboard.iommu.Access}
     */
    void map(long page, long pageFrame, int pages, int access);

    /** What {@link #frame} answers where nothing is mapped. */
    long NO_FRAME = -1;

    /**
     * The page frame that an IOVA page leads to, by a {@link #map} of this service that no {@link
     * #clear} has ended; or {@link #NO_FRAME}. Not on a data path. From any thread; what changes
     * meanwhile may be seen or not.
     */
    long frame(long page);

    /** {@link #map} of one smallest entry, as most are. */
    default void mapEntry(long page, long pageFrame, int access) {
        map(page, pageFrame, 1 << granuleShift(), access);
    }

    /**
     * Says of the maps that follow whether a driver cannot do without them, as its rings: a holder
     * with quotas lets these go beyond the barrier, up to the limit.
     */
    default void essential(boolean following) {}

    /**
     * Returns when every {@link #map} since the last commit works.
     *
     * @throws QuotaExceededException if the holder refuses; then none of them is mapped, and none
     *     can be reached
     */
    void commit();

    /**
     * Takes a run away, from {@link #settle} on at the latest: one that was mapped, or several
     * whole ones that are neighbours.
     */
    void clear(long page, int pages);

    /** {@link #clear} of one smallest entry. */
    default void clearEntry(long page) {
        clear(page, 1 << granuleShift());
    }

    /** Asks the devices to forget a run, already cleared. */
    void invalidate(long page, int pages);

    /**
     * {@link #clear} and {@link #invalidate} of several runs, in any order. A holder may ask the
     * devices for all that lies between the runs where many requests cost more than translations
     * that are fetched again.
     */
    default void clearAndInvalidate(long[] firstPages, int[] pages, int runs) {
        for (int run = 0; run < runs; run++) {
            clear(firstPages[run], pages[run]);
            invalidate(firstPages[run], pages[run]);
        }
    }

    /** Asks the devices to forget everything, and to count what they held that was stale. */
    void invalidateAll();

    /**
     * Waits until nothing that was cleared and invalidated can be used.
     *
     * @throws DeviceStuckException if a device does not leave its DMA section in time
     */
    void settle();

    /**
     * Whether {@link #settle} has nothing to wait for any more; if so, it has taken place. A holder
     * that cannot look without waiting waits.
     *
     * @throws DeviceStuckException as {@link #settle}, from a holder that waits
     */
    default boolean poll() {
        settle();
        return true;
    }

    /**
     * {@link #invalidate} of one run, already cleared, and {@link #settle}.
     *
     * @throws DeviceStuckException as {@link #settle}
     */
    default void forget(long page, int pages) {
        invalidate(page, pages);
        settle();
    }

    /**
     * A way to flush everything that this service has cleared, for another thread: what a timer
     * needs. Closed by its user, before this is.
     *
     * @throws UnsupportedOperationException if the holder has no such way
     */
    default SideFlush sideFlush() {
        throw new UnsupportedOperationException(
                "this holder of translations has no flush for a timer: leave queueNanos unbounded");
    }

    /** Flushes asked of the devices: settlements that had something to settle; side flushes too. */
    long flushes();

    /** Time spent waiting in {@link #settle}, beyond a look. */
    long waitedNanos();

    /** The service has unmapped everything and settled: its IOVA pages may go to others. */
    @Override
    void close();
}
