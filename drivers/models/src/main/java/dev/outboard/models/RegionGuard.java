package dev.outboard.models;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.vhost.MemoryRegion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Tells afterwards whose memory a failed access was: a front-end whose file is not sealed can cut
 * it off, and the next access to a page that is gone is an {@link InternalError} of the virtual
 * machine.
 */
final class RegionGuard implements AutoCloseable {
    private final List<Guarded> guarded = new ArrayList<>();

    private record Guarded(Descriptor file, long endBytes) {}

    /** Remembers files and lengths; the regions' descriptors stay the caller's. */
    void guard(List<MemoryRegion> regions) {
        for (var region : regions) {
            guarded.add(
                    new Guarded(
                            region.descriptor().duplicate(),
                            region.fileOffset() + region.lengthBytes()));
        }
    }

    /** Whether a file is shorter than its region by now. */
    boolean isTruncated() {
        for (var region : guarded) {
            try {
                var file = Path.of("/proc/self/fd/" + region.file.number());
                if (Files.size(file) < region.endBytes) {
                    return true;
                }
            } catch (IOException e) {
                return true;
            }
        }
        return false;
    }

    @Override
    public void close() {
        guarded.forEach(region -> region.file.close());
        guarded.clear();
    }
}
