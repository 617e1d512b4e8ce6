package dev.outboard.models;

import dev.outboard.uio.WaitPolicy;
import java.nio.file.Path;
import java.util.Objects;

/**
 * How a teaching device is set up.
 *
 * @param socket where a driver connects
 * @param name by which it attaches to its IOMMU, and for people
 * @param iommu where the owner of the IOMMU listens; null: what the client maps is reached
 * @param waiting how long it looks for work before it sleeps
 */
public record EduOptions(Path socket, String name, Path iommu, WaitPolicy waiting) {
    /** Checks the values. */
    public EduOptions {
        Objects.requireNonNull(socket, "socket");
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(waiting, "waiting");
    }
}
