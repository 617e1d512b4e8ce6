package dev.outboard.perf.versus;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.process.OutboardProcess;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Programs of others: whether they are there, and what they say. Stateless. */
final class Programs {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final List<String> MORE_FOLDERS = List.of("/usr/sbin", "/sbin");

    private Programs() {}

    /** A program, and the package that it comes with. */
    record Program(String name, String aptPackage) {
        boolean isThere() {
            return Stream.concat(
                            Arrays.stream(System.getenv("PATH").split(File.pathSeparator)),
                            MORE_FOLDERS.stream())
                    .anyMatch(folder -> Files.isExecutable(Path.of(folder, name)));
        }

        String complaint() {
            return name + " is not installed: install the package " + aptPackage;
        }
    }

    static final Program TESTPMD = new Program("dpdk-testpmd", "dpdk");
    static final Program STDBUF = new Program("stdbuf", "coreutils");
    static final Program TASKSET = new Program("taskset", "util-linux");
    static final Program IP = new Program("ip", "iproute2");
    static final Program IPERF3 = new Program("iperf3", "iperf3");
    static final Program PING = new Program("ping", "iputils-ping");
    static final Program STORAGE_DAEMON = new Program("qemu-storage-daemon", "qemu-system-common");

    /**
     * Runs a program to its end.
     *
     * @return what it wrote to standard output
     * @throws CommandException if it fails; the message has its last line
     */
    static String run(List<String> command) {
        return run(command, PATIENCE);
    }

    /** The same for one that takes long. */
    static String run(List<String> command, Duration patience) {
        var program = command.getFirst();
        try (var process = OutboardProcess.startProgram(program, command, Map.of())) {
            if (process.awaitExit(patience) != 0) {
                throw new CommandException(
                        String.join(" ", command)
                                + " failed: "
                                + lastLine(process.errorOutput() + "\n" + process.output()));
            }
            return process.output();
        }
    }

    /** What a program says when it gives up. */
    static String lastLine(String text) {
        return text.lines()
                .map(String::strip)
                .filter(line -> !line.isEmpty())
                .reduce("", (before, line) -> line);
    }

    /** Waits. */
    static void sleep(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CommandException("interrupted", e);
        }
    }

    /** All threads of a process to one processor. */
    static void pin(long pid, int processor) {
        run(List.of("taskset", "-a", "-c", "-p", Integer.toString(processor), Long.toString(pid)));
    }
}
