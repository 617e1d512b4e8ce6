package dev.outboard.models;

import dev.outboard.uio.WaitPolicy;
import java.nio.file.Path;
import java.util.Objects;

/**
 * How a disk is set up.
 *
 * @param socket where a driver connects
 * @param file the disk's content: a raw file or block device, a whole number of sectors
 * @param name by which the disk attaches to its IOMMU, and for people
 * @param iommu where the owner of the IOMMU listens, or null without one
 * @param readOnly whether writes are refused
 * @param queues how many queues it has, 1 to 64
 * @param waiting how long it looks for work before it sleeps
 */
public record DiskOptions(
        Path socket,
        Path file,
        String name,
        Path iommu,
        boolean readOnly,
        int queues,
        WaitPolicy waiting) {
    /** The most queues of a disk. */
    public static final int MAXIMUM_QUEUES = 64;

    /** Checks the values. */
    public DiskOptions {
        Objects.requireNonNull(socket, "socket");
        Objects.requireNonNull(file, "file");
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(waiting, "waiting");
        if (queues < 1 || queues > MAXIMUM_QUEUES) {
            throw new IllegalArgumentException(
                    "a disk has 1 to %d queues, not %d".formatted(MAXIMUM_QUEUES, queues));
        }
    }

    /** A writable disk with one queue and without an IOMMU, named after its socket. */
    public static DiskOptions of(Path socket, Path file) {
        return new DiskOptions(
                socket, file, socket.getFileName().toString(), null, false, 1, WaitPolicy.DEFAULT);
    }

    /** The same, behind an IOMMU; null for none. */
    public DiskOptions withIommu(Path owner) {
        return new DiskOptions(socket, file, name, owner, readOnly, queues, waiting);
    }

    /** The same, with another name. */
    public DiskOptions withName(String newName) {
        return new DiskOptions(socket, file, newName, iommu, readOnly, queues, waiting);
    }

    /** The same, writable or not. */
    public DiskOptions withReadOnly(boolean newReadOnly) {
        return new DiskOptions(socket, file, name, iommu, newReadOnly, queues, waiting);
    }

    /** The same, with so many queues. */
    public DiskOptions withQueues(int newQueues) {
        return new DiskOptions(socket, file, name, iommu, readOnly, newQueues, waiting);
    }

    /** The same, waiting otherwise. */
    public DiskOptions withWaiting(WaitPolicy newWaiting) {
        return new DiskOptions(socket, file, name, iommu, readOnly, queues, newWaiting);
    }
}
