package dev.outboard.host.doctor;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * The files below a root, each of which may be missing: what it would say is then empty. Immutable;
 * any thread.
 *
 * @param root what {@code /} is for this machine
 */
record RootFiles(Path root) {
    Path at(String file) {
        return root.resolve(file);
    }

    boolean has(String file) {
        return Files.exists(at(file));
    }

    String text(String file) {
        try {
            return Files.readString(at(file)).strip();
        } catch (IOException absent) {
            return "";
        }
    }

    Stream<String> lines(String file) {
        try {
            return Files.readAllLines(at(file)).stream();
        } catch (IOException absent) {
            return Stream.empty();
        }
    }

    List<String> names(String folder) {
        try (var entries = Files.list(at(folder))) {
            return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
        } catch (IOException absent) {
            return List.of();
        }
    }
}
