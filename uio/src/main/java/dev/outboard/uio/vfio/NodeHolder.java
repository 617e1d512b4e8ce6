package dev.outboard.uio.vfio;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Finds which process has a node open, as far as this user may look. */
final class NodeHolder {
    private static final Path PROCESSES = Path.of("/proc");

    private NodeHolder() {}

    /** In parentheses, with a space before; empty if nobody is found. */
    static String of(Path node) {
        try (Stream<Path> processes = Files.list(PROCESSES)) {
            return processes
                    .filter(process -> process.getFileName().toString().matches("\\d+"))
                    .filter(process -> has(process, node))
                    .findFirst()
                    .map(process -> " (process " + process.getFileName() + ")")
                    .orElse("");
        } catch (IOException unreadable) {
            return "";
        }
    }

    private static boolean has(Path process, Path node) {
        try (Stream<Path> open = Files.list(process.resolve("fd"))) {
            return open.anyMatch(link -> leadsTo(link, node));
        } catch (IOException notOurs) {
            return false;
        }
    }

    private static boolean leadsTo(Path link, Path node) {
        try {
            return Files.readSymbolicLink(link).equals(node);
        } catch (IOException closedMeanwhile) {
            return false;
        }
    }
}
