package dev.outboard.iommu;

/**
 * The words that a device counts in, in the order in which they lie in its control page. Their
 * meaning is told at {@link DeviceCounters}.
 */
enum DeviceCounter {
    TRANSLATIONS,
    SECTIONS,
    MISSES,
    EVICTIONS,
    INVALIDATIONS,
    FLUSHES,
    FAULTS,
    FAULTS_LOST,
    STALE_HELD;

    /** Where it lies in the control page. */
    final int offset = ControlPageDescriptor.COUNTERS_OFFSET + ordinal() * Long.BYTES;
}
