package dev.outboard.iommu;

/**
 * The words that a device counts in, in the order in which they lie in its control page. Their
 * meaning is told at {@link DeviceCounters}. What translations change is written at the end of a
 * DMA section, the rest at once.
 */
enum DeviceCounter {
    TRANSLATIONS,
    SECTIONS,
    ATS_MISSES,
    MISSES,
    SUPERPAGE_HITS,
    EVICTIONS,
    PREFETCHES,
    PREFETCHES_USED,
    INVALIDATIONS,
    FLUSHES,
    DOMAIN_FLUSHES,
    ATS_INVALIDATIONS,
    FAULTS,
    FAULTS_LOST,
    STALE_HELD;

    /** Where it lies in the control page. */
    final int offset = ControlPageDescriptor.COUNTERS_OFFSET + ordinal() * Long.BYTES;
}
