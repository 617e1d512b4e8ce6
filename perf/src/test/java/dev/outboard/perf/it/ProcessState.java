package dev.outboard.perf.it;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;

/**
 * What a process holds: descriptors by what they are, and mappings of memory it shares. From {@code
 * /proc}; nothing is remembered.
 *
 * @param descriptors how many descriptors of each kind: files by path, others by type
 * @param sharedMappings how many mappings of anonymous files (memfd) it has
 * @param sharedBytes how long they are together
 */
record ProcessState(Map<String, Integer> descriptors, int sharedMappings, long sharedBytes) {
    static ProcessState of(long pid) throws IOException {
        var kinds = new TreeMap<String, Integer>();
        try (var entries = Files.list(Path.of("/proc", Long.toString(pid), "fd"))) {
            for (var entry : entries.toList()) {
                var kind = kind(entry);
                if (kind != null) {
                    kinds.merge(kind, 1, Integer::sum);
                }
            }
        }
        var shared = mappings(pid, line -> line.contains("/memfd:"));
        return new ProcessState(
                kinds, shared.size(), shared.stream().mapToLong(ProcessState::length).sum());
    }

    private static String kind(Path entry) {
        try {
            var target = Files.readSymbolicLink(entry).toString();
            // The number behind the colon is of the moment: socket:[1234].
            return target.replaceFirst(":\\[[0-9]+\\]$", "").replaceFirst(" \\(deleted\\)$", "");
        } catch (IOException e) {
            return null;
        }
    }

    private static List<String> mappings(long pid, Predicate<String> wanted) throws IOException {
        try (var lines = Files.lines(Path.of("/proc", Long.toString(pid), "maps"))) {
            return lines.filter(wanted).toList();
        }
    }

    private static long length(String line) {
        var range = line.substring(0, line.indexOf(' ')).split("-");
        return Long.parseUnsignedLong(range[1], 16) - Long.parseUnsignedLong(range[0], 16);
    }
}
