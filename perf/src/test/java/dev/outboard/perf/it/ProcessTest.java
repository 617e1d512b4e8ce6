package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.process.OutboardProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;

/**
 * A test with children: {@code ./outboard}, as it was built, and programs of others. What a test
 * starts ends with it; what it leaves behind fails it.
 */
@Timeout(120)
abstract class ProcessTest {
    static final Duration LIMIT = Duration.ofSeconds(30);
    private static final Path ROOT = root();

    private final Deque<OutboardProcess> children = new ArrayDeque<>();
    private Path folder;

    @BeforeEach
    void makeFolder() throws IOException {
        // Not JUnit's: a socket's path has at most 107 characters.
        folder = Files.createTempDirectory("ob-it-");
    }

    @AfterEach
    void leaveNothingBehind() throws IOException {
        while (!children.isEmpty()) {
            children.pop().close();
        }
        var left = new ArrayList<String>();
        try (var files = Files.list(folder)) {
            for (var file : files.toList()) {
                var name = file.getFileName().toString();
                if (name.endsWith(".sock") || name.endsWith(".iommu")) {
                    left.add(name);
                }
                Files.delete(file);
            }
        }
        Files.delete(folder);
        assertThat(left).as("sockets left behind").isEmpty();
    }

    /** The root of the source tree. */
    private static Path root() {
        var at = Path.of("").toAbsolutePath();
        while (at != null && !Files.isExecutable(at.resolve("outboard"))) {
            at = at.getParent();
        }
        return at;
    }

    final Path path(String name) {
        return folder.resolve(name);
    }

    /** The words of {@code ./outboard}, without building. */
    static List<String> outboardCommand(String... words) {
        var command = new ArrayList<>(List.of(ROOT.resolve("outboard").toString()));
        command.addAll(List.of(words));
        return command;
    }

    /** What {@code ./outboard} is started with. */
    static Map<String, String> outboardEnvironment() {
        var environment = new HashMap<String, String>();
        environment.put("OUTBOARD_NO_BUILD", "1");
        environment.put("OUTBOARD_JDK", System.getProperty("java.home"));
        return environment;
    }

    /** Starts {@code ./outboard}. */
    final OutboardProcess outboard(String name, String... words) {
        return program(name, outboardCommand(words), outboardEnvironment());
    }

    /** Starts any program. */
    final OutboardProcess program(
            String name, List<String> command, Map<String, String> environment) {
        var process = OutboardProcess.startProgram(name, command, environment);
        children.push(process);
        return process;
    }

    /** Runs {@code ./outboard} to its end. */
    final Ended run(String... words) {
        var process = outboard("outboard " + words[0], words);
        int code = process.awaitExit(Duration.ofSeconds(100));
        return new Ended(code, process);
    }

    /** A process that has ended. */
    record Ended(int exitCode, OutboardProcess process) {
        /** The complaint: standard error, without blank lines. */
        List<String> complaint() {
            return process.errorOutput().lines().filter(line -> !line.isBlank()).toList();
        }
    }

    /** The outboard processes of this source tree; not those of another on the same machine. */
    static List<Long> outboardProcesses() {
        var modules = ROOT.resolve("perf/target/modules").toString();
        return ProcessHandle.allProcesses()
                .filter(process -> commandLine(process.pid()).contains(modules))
                .map(ProcessHandle::pid)
                .filter(pid -> pid != ProcessHandle.current().pid())
                .toList();
    }

    private static String commandLine(long pid) {
        try {
            var line = Files.readString(Path.of("/proc", Long.toString(pid), "cmdline"));
            // This very test may have the folder on its path.
            return line.contains("dev.outboard.host.cli.Outboard") ? line : "";
        } catch (IOException e) {
            return "";
        }
    }

    /** Waits until a file is there. */
    static void awaitFile(Path file, OutboardProcess maker) throws InterruptedException {
        long deadline = System.nanoTime() + LIMIT.toNanos();
        while (!Files.exists(file)) {
            assertThat(maker.isAlive()).as(maker.name() + ": " + maker.errorOutput()).isTrue();
            assertThat(System.nanoTime() - deadline).as(file + " never came").isNegative();
            Thread.sleep(5);
        }
    }
}
