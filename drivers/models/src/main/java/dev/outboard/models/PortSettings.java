package dev.outboard.models;

import dev.outboard.dma.SharedIotlb;
import java.nio.file.Path;

/**
 * Where a port of a device is, and what it is called.
 *
 * @param name by which the device attaches to its IOMMU, and for people
 * @param socket where a driver connects
 * @param iommu where the owner of the IOMMU listens, or null without one
 * @param attachLimitNanos how long to wait for that owner
 * @param iotlb the one that this port shares with others, or null for one of its own
 */
record PortSettings(
        String name, Path socket, Path iommu, long attachLimitNanos, SharedIotlb iotlb) {}
