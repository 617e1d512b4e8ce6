package dev.outboard.backend;

import dev.outboard.dma.AskedCounters;
import dev.outboard.dma.SharedIotlb;
import java.nio.file.Path;

/**
 * Where a port of a device is, and what it is called.
 *
 * @param name by which the device attaches to its IOMMU, and for people
 * @param socket where a driver connects
 * @param iommu where the owner of the IOMMU listens; null where there is none, and the front-end is
 *     asked, if it says that it has one
 * @param attachLimitNanos how long to wait for that owner
 * @param iotlb the one that this port shares with others, or null for one of its own
 * @param asked where it is counted what the front-end is asked
 */
public record PortSettings(
        String name,
        Path socket,
        Path iommu,
        long attachLimitNanos,
        SharedIotlb iotlb,
        AskedCounters asked) {

    /** The same, with counters of its own. */
    public PortSettings(
            String name, Path socket, Path iommu, long attachLimitNanos, SharedIotlb iotlb) {
        this(name, socket, iommu, attachLimitNanos, iotlb, new AskedCounters());
    }
}
