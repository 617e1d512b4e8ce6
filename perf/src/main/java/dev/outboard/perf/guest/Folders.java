package dev.outboard.perf.guest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;

/** Folders on this machine. Stateless. */
final class Folders {
    private Folders() {}

    /** What is kept from run to run. */
    static Path cache() {
        var named = System.getenv("XDG_CACHE_HOME");
        var base =
                named == null || named.isEmpty()
                        ? Path.of(System.getProperty("user.home"), ".cache")
                        : Path.of(named);
        return base.resolve("outboard").resolve("guest");
    }

    /** Deletes a folder and all that is in it; links are not followed. */
    static void delete(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        try (var entries = Files.walk(folder)) {
            for (var entry : (Iterable<Path>) entries.sorted(Comparator.reverseOrder())::iterator) {
                Files.delete(entry);
            }
        }
    }
}
