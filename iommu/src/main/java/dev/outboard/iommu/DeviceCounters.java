package dev.outboard.iommu;

/**
 * What a device's side of the IOMMU has counted since it attached.
 *
 * @param translations pages asked for
 * @param hits found in the IOTLB, superpages and prefetched pages among them
 * @param misses looked up in the table
 * @param evictions IOTLB entries that gave way; of a shared IOTLB, each device tells all of them
 * @param invalidations single IOTLB entries dropped on request, cached or not
 * @param flushes times that all the device's IOTLB entries were dropped
 * @param domainFlushes flushes among them that left other devices' entries of a shared IOTLB
 * @param superpageHits hits among the above in an entry for a superpage
 * @param prefetches pages that were looked up ahead and cached
 * @param prefetchesUsed pages among them that the device then asked for
 * @param atsHits found in the device's own cache, before the IOTLB was asked
 * @param atsMisses that it asked the IOTLB for; 0 if it has no such cache
 * @param atsInvalidations runs, or everything, that this cache dropped on request
 * @param sections DMA sections entered
 * @param faults accesses refused
 * @param faultsLost faults among them that found their ring full: counted, but not delivered
 * @param staleHeld the most translations of unmapped pages that the caches held when a window of
 *     stale IOVAs ended: how many of them really still worked
 */
public record DeviceCounters(
        long translations,
        long hits,
        long misses,
        long evictions,
        long invalidations,
        long flushes,
        long domainFlushes,
        long superpageHits,
        long prefetches,
        long prefetchesUsed,
        long atsHits,
        long atsMisses,
        long atsInvalidations,
        long sections,
        long faults,
        long faultsLost,
        long staleHeld) {
    /** Nothing counted yet. */
    public static final DeviceCounters NONE =
            new DeviceCounters(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

    /** The sums of both, and the larger {@link #staleHeld}. */
    public DeviceCounters plus(DeviceCounters other) {
        return new DeviceCounters(
                translations + other.translations,
                hits + other.hits,
                misses + other.misses,
                evictions + other.evictions,
                invalidations + other.invalidations,
                flushes + other.flushes,
                domainFlushes + other.domainFlushes,
                superpageHits + other.superpageHits,
                prefetches + other.prefetches,
                prefetchesUsed + other.prefetchesUsed,
                atsHits + other.atsHits,
                atsMisses + other.atsMisses,
                atsInvalidations + other.atsInvalidations,
                sections + other.sections,
                faults + other.faults,
                faultsLost + other.faultsLost,
                Math.max(staleHeld, other.staleHeld));
    }
}
