package dev.outboard.dma.device;

import dev.outboard.dma.DomainStatistics;
import dev.outboard.iommu.DeviceCounters;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What can be counted from here of a device that has an IOTLB of its own: hits and evictions are
 * its own business. Any thread; no allocation but for the answer.
 */
final class FeedCounts {
    private final AtomicLong answered = new AtomicLong();
    private final AtomicLong late = new AtomicLong();
    private final AtomicLong pushed = new AtomicLong();
    private final AtomicLong invalidations = new AtomicLong();
    private final AtomicLong flushes = new AtomicLong();

    /** It asked, and was told. */
    void answered() {
        answered.incrementAndGet();
    }

    /** It asked for what was unmapped meanwhile. */
    void late() {
        late.incrementAndGet();
    }

    /** It was told of so many runs without asking. */
    void pushed(int updates) {
        pushed.addAndGet(updates);
    }

    /** It was asked to drop so many ranges, or everything so often. */
    void invalidated(boolean everything, int ranges) {
        (everything ? flushes : invalidations).addAndGet(ranges);
    }

    long pushedUpdates() {
        return pushed.get();
    }

    long lateMisses() {
        return late.get();
    }

    DomainStatistics statistics(int devices, long faults) {
        long misses = answered.get() + late.get() + faults;
        return new DomainStatistics(
                devices,
                new DeviceCounters(
                        misses,
                        0,
                        misses,
                        0,
                        invalidations.get(),
                        flushes.get(),
                        0,
                        0,
                        0,
                        0,
                        0,
                        0,
                        0,
                        0,
                        faults,
                        0,
                        0),
                faults,
                0);
    }
}
