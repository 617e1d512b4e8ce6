package dev.outboard.iommu;

/**
 * What a device's side of the IOMMU has counted since it attached.
 *
 * @param translations pages asked for
 * @param hits found in the IOTLB
 * @param misses looked up in the table
 * @param evictions IOTLB entries that gave way
 * @param invalidations single IOTLB entries dropped on request
 * @param flushes whole IOTLBs dropped on request
 * @param sections DMA sections entered
 * @param faults accesses refused
 * @param faultsLost faults among them that found their ring full: counted, but not delivered
 * @param staleHeld the most translations of unmapped pages that the IOTLB held when a window of
 *     stale IOVAs ended: how many of them really still worked
 */
public record DeviceCounters(
        long translations,
        long hits,
        long misses,
        long evictions,
        long invalidations,
        long flushes,
        long sections,
        long faults,
        long faultsLost,
        long staleHeld) {
    /** Nothing counted yet. */
    public static final DeviceCounters NONE = new DeviceCounters(0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

    /** The sums of both, and the larger {@link #staleHeld}. */
    public DeviceCounters plus(DeviceCounters other) {
        return new DeviceCounters(
                translations + other.translations,
                hits + other.hits,
                misses + other.misses,
                evictions + other.evictions,
                invalidations + other.invalidations,
                flushes + other.flushes,
                sections + other.sections,
                faults + other.faults,
                faultsLost + other.faultsLost,
                Math.max(staleHeld, other.staleHeld));
    }
}
