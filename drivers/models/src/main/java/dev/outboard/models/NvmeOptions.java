package dev.outboard.models;

import dev.outboard.models.shape.NvmeShape;
import dev.outboard.uio.WaitPolicy;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/**
 * How an NVMe controller is set up.
 *
 * @param socket where a driver connects
 * @param name by which it attaches to its IOMMU, and its serial number
 * @param iommu where the owner of the IOMMU listens; null: what the client maps is reached
 * @param disks its namespaces, in order
 * @param shape queues, rings, vectors
 * @param waiting how long it looks for work before it sleeps
 */
public record NvmeOptions(
        Path socket,
        String name,
        Path iommu,
        List<Disk> disks,
        NvmeShape shape,
        WaitPolicy waiting) {
    private static final int MOST_NAMESPACES = 128;
    private static final int SMALL_BLOCK = 512;
    private static final int LARGE_BLOCK = 4096;

    /**
     * A namespace.
     *
     * @param file raw file or block device; null for memory
     * @param lengthBytes of memory; otherwise the file's own
     * @param blockBytes 512 or 4096
     */
    public record Disk(Path file, long lengthBytes, int blockBytes, boolean readOnly) {
        /** Checks the values. */
        public Disk {
            if (blockBytes != SMALL_BLOCK && blockBytes != LARGE_BLOCK) {
                throw new IllegalArgumentException(
                        "blocks are of 512 or 4096 bytes, not " + blockBytes);
            }
            if (file == null && (lengthBytes <= 0 || lengthBytes % blockBytes != 0)) {
                throw new IllegalArgumentException(
                        "a namespace of %d bytes is no whole number of blocks of %d"
                                .formatted(lengthBytes, blockBytes));
            }
        }
    }

    /** Checks the values. */
    public NvmeOptions {
        Objects.requireNonNull(socket, "socket");
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(shape, "shape");
        Objects.requireNonNull(waiting, "waiting");
        disks = List.copyOf(disks);
        if (disks.isEmpty() || disks.size() > MOST_NAMESPACES) {
            throw new IllegalArgumentException(
                    "a controller has 1 to %d namespaces, not %d"
                            .formatted(MOST_NAMESPACES, disks.size()));
        }
    }
}
