package dev.outboard.perf.it;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;

/**
 * Programs of others that tests need. Where one is missing a test is skipped, loudly; in continuous
 * integration, or with {@code -Doutboard.peers=required}, it fails.
 */
public final class Peers {
    private static final List<Path> MORE_FOLDERS = List.of(Path.of("/usr/sbin"), Path.of("/sbin"));

    private Peers() {}

    /** Needs these programs, which come with a package of this name. */
    public static void need(String aptPackage, String... programs) {
        for (var program : programs) {
            if (find(program) == null) {
                missing(program + " is not installed: install the package " + aptPackage);
            }
        }
    }

    /** Needs to be root, for a reason. */
    static void needRoot(String reason) {
        if (!"root".equals(System.getProperty("user.name"))) {
            missing(reason + " need root: run the tests as root");
        }
    }

    /** Where a program is. */
    static String find(String program) {
        var folders =
                new java.util.ArrayList<>(
                        Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
                                .map(Path::of)
                                .toList());
        folders.addAll(MORE_FOLDERS);
        return folders.stream()
                .map(folder -> folder.resolve(program))
                .filter(Files::isExecutable)
                .map(Path::toString)
                .findFirst()
                .orElse(null);
    }

    /** Skips the test, or fails it, for want of something. */
    static void missing(String reason) {
        if (System.getenv("CI") != null
                || "required".equals(System.getProperty("outboard.peers"))) {
            Assertions.fail(reason);
        }
        System.err.println("*** SKIPPED: " + reason + " ***");
        Assumptions.abort(reason);
    }
}
