package dev.outboard.models.pci;

import java.nio.file.Path;

/**
 * Where a function is offered, and what it is called.
 *
 * @param name by which it attaches to its IOMMU, and for people
 * @param socket where a driver connects
 * @param iommu where the owner of the IOMMU listens; null where there is none, and what the client
 *     maps is reached
 */
public record PciPortSettings(String name, Path socket, Path iommu) {}
