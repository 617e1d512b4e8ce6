package dev.outboard.perf.versus;

import dev.outboard.host.cli.CommandException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Two network namespaces, each a host to the kernel's stack, which go when this closes. Whoever is
 * killed leaves them behind: the next one takes those away whose maker is gone. One thread.
 */
final class Namespaces implements AutoCloseable {
    private static final String PREFIX = "ob-versus-";
    private static final Path KNOWN = Path.of("/run/netns");

    private final String left = PREFIX + ProcessHandle.current().pid() + "-a";
    private final String right = PREFIX + ProcessHandle.current().pid() + "-b";

    /** Makes both, without an interface. */
    Namespaces() {
        if (!isAllowed()) {
            throw new CommandException(
                    "network namespaces are an administrator's to make: run it as root, or leave"
                            + " this out with --only");
        }
        removeThoseLeft();
        try {
            for (var name : List.of(left, right)) {
                Programs.run(List.of("ip", "netns", "add", name));
                Programs.run(List.of("ip", "-n", name, "link", "set", "lo", "up"));
            }
        } catch (RuntimeException failure) {
            close();
            throw failure;
        }
    }

    private static boolean isAllowed() {
        return "root".equals(System.getProperty("user.name"));
    }

    private static void removeThoseLeft() {
        for (var name : known()) {
            var parts = name.substring(PREFIX.length()).split("-");
            boolean isAlive =
                    parts[0].matches("\\d{1,9}")
                            && ProcessHandle.of(Long.parseLong(parts[0])).isPresent();
            if (!isAlive) {
                Programs.run(List.of("ip", "netns", "del", name));
            }
        }
    }

    private static List<String> known() {
        if (!Files.isDirectory(KNOWN)) {
            return List.of();
        }
        try (var names = Files.list(KNOWN)) {
            return names.map(path -> path.getFileName().toString())
                    .filter(name -> name.startsWith(PREFIX))
                    .toList();
        } catch (IOException e) {
            throw new CommandException(KNOWN + " cannot be read: " + e.getMessage(), e);
        }
    }

    /** The one that asks. */
    String left() {
        return left;
    }

    /** The one that answers. */
    String right() {
        return right;
    }

    /** What makes a program run in one of them. */
    static List<String> in(String namespace) {
        return List.of("ip", "netns", "exec", namespace);
    }

    /** The words of a program in one of them. */
    static List<String> in(String namespace, List<String> command) {
        var words = new ArrayList<>(in(namespace));
        words.addAll(command);
        return words;
    }

    /** Gives an interface an address of a network of its own, and brings it up. */
    static void dress(String namespace, String link, String address) {
        Programs.run(
                List.of("ip", "-n", namespace, "addr", "replace", address + "/24", "dev", link));
        Programs.run(List.of("ip", "-n", namespace, "link", "set", link, "up"));
    }

    /** Moves an interface to another namespace. */
    static void move(String namespace, String link, String other) {
        Programs.run(List.of("ip", "-n", namespace, "link", "set", link, "netns", other));
    }

    @Override
    public void close() {
        for (var name : known()) {
            if (name.equals(left) || name.equals(right)) {
                Programs.run(List.of("ip", "netns", "del", name));
            }
        }
    }
}
