package dev.outboard.host.process;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The command line of another {@code outboard}, with the java and the flags of this one. Stateless.
 */
final class OutboardCommand {
    private static final String MAIN = "dev.outboard.host/dev.outboard.host.cli.Outboard";
    private static final Path OWN_COMMAND_LINE = Path.of("/proc/self/cmdline");

    /** What a test run has on its path besides modules of ours and their libraries. */
    private static final Pattern TEST_TOOLS =
            Pattern.compile(
                    ".*/(test-classes|[^/]*(junit|surefire|assertj|opentest4j|apiguardian|archunit"
                            + "|byte-buddy|jspecify|failsafe)[^/]*)/?");

    private OutboardCommand() {}

    /** Everything up to the words of the command. */
    static List<String> prefix() {
        var own = ownCommandLine();
        var main = own.indexOf(MAIN);
        return main > 0 ? List.copyOf(own.subList(0, main + 1)) : fromThisRuntime();
    }

    private static List<String> ownCommandLine() {
        try {
            var line = Files.readString(OWN_COMMAND_LINE, StandardCharsets.UTF_8);
            var words = new ArrayList<>(List.of(line.split("\0")));
            words.set(0, java());
            return words;
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + OWN_COMMAND_LINE, e);
        }
    }

    private static String java() {
        return Path.of(System.getProperty("java.home"), "bin", "java").toString();
    }

    /** From a test or an IDE, where another main class runs: the modules this one can see. */
    private static List<String> fromThisRuntime() {
        return List.of(
                java(),
                "-XX:+UseSerialGC",
                "-XX:-UsePerfData",
                "-XX:TieredStopAtLevel=1",
                "-Xshare:auto",
                "-Xmx128m",
                "--enable-native-access=dev.outboard.uio,dev.outboard.dma,"
                        + "org.jnrproject.ffi,org.jnrproject.jffi",
                "--illegal-native-access=deny",
                "--sun-misc-unsafe-memory-access=allow",
                "--add-modules=org.objectweb.asm",
                "--module-path",
                modulePath(),
                "--module",
                MAIN);
    }

    private static String modulePath() {
        return Stream.of("jdk.module.path", "java.class.path")
                .map(property -> System.getProperty(property, ""))
                .flatMap(path -> Stream.of(path.split(File.pathSeparator)))
                .filter(entry -> !entry.isEmpty() && !TEST_TOOLS.matcher(entry).matches())
                .filter(entry -> Files.exists(Path.of(entry)))
                .distinct()
                .collect(Collectors.joining(File.pathSeparator));
    }
}
