package dev.outboard.backend;

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

    private record Guarded(MemoryRegion region, Descriptor file) {
        long endBytes() {
            return region.fileOffset() + region.lengthBytes();
        }
    }

    /** Remembers a file and how long it must be; the region's descriptor stays the caller's. */
    void guard(MemoryRegion region) {
        guarded.add(new Guarded(region, region.descriptor().duplicate()));
    }

    /** The regions. */
    List<MemoryRegion> regions() {
        return guarded.stream().map(Guarded::region).toList();
    }

    /** The file of a region that is guarded; it stays this object's. */
    Descriptor file(MemoryRegion region) {
        for (var known : guarded) {
            if (known.region.isSamePlace(region)) {
                return known.file;
            }
        }
        throw new IllegalArgumentException("there is no region of " + region);
    }

    /** The region is gone; one that was not guarded is no error. */
    void forget(MemoryRegion region) {
        for (var known : guarded) {
            if (known.region.isSamePlace(region)) {
                known.file.close();
                guarded.remove(known);
                return;
            }
        }
    }

    /** Whether a file is shorter than its region by now. */
    boolean isTruncated() {
        for (var region : guarded) {
            try {
                var file = Path.of("/proc/self/fd/" + region.file.number());
                if (Files.size(file) < region.endBytes()) {
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
