package dev.outboard.perf.versus;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.process.OutboardProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * {@code dpdk-testpmd} in interactive mode, with one forwarding thread on a processor of its own,
 * that is told what to do: while it forwards nothing it costs nothing. One thread.
 */
final class Testpmd implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    /** Of 2 MiB, for two programs at a time and one to come. */
    private static final int HUGE_PAGES = 192;

    private static final boolean HUGE = areThereHugePages();
    private static final AtomicInteger STARTED = new AtomicInteger();
    private static final Pattern RECEIVED_RATE = Pattern.compile("Rx-pps:\\s+(\\d+)");
    private static final Pattern SENT_RATE = Pattern.compile("Tx-pps:\\s+(\\d+)");

    /** Where a port listens, in what {@code --vdev} is given. */
    private static final Pattern LISTENING = Pattern.compile("net_vhost\\d+,iface=([^,]+).*");

    private final OutboardProcess process;
    private final String prefix;
    private final List<Path> sockets;
    private final StringBuilder said = new StringBuilder();
    private boolean isForwarding;

    private Testpmd(OutboardProcess process, String prefix, List<Path> sockets) {
        this.process = process;
        this.prefix = prefix;
        this.sockets = sockets;
    }

    /** Which of its rates counts. */
    enum Count {
        RECEIVED(RECEIVED_RATE),
        SENT(SENT_RATE);

        private final Pattern rate;

        Count(Pattern rate) {
            this.rate = rate;
        }
    }

    /**
     * Starts it; returns when it can be told.
     *
     * @param name for messages
     * @param starter a program that becomes it, as {@code ip netns exec NAME}; or nothing
     * @param devices what {@code --vdev} is given, a port each
     * @param processor of the forwarding thread
     */
    static Testpmd start(String name, List<String> starter, List<String> devices, int processor) {
        var prefix = "outboard-" + ProcessHandle.current().pid() + "-" + STARTED.incrementAndGet();
        var command = new ArrayList<>(starter);
        // Its output is a pipe, which it would fill before we see a line.
        command.addAll(List.of("stdbuf", "-oL", "dpdk-testpmd"));
        command.addAll(memory());
        command.addAll(
                List.of(
                        "--no-pci",
                        "--no-telemetry",
                        "--main-lcore",
                        "0",
                        "--lcores",
                        "0@(0,1),1@" + processor,
                        "--file-prefix",
                        prefix));
        devices.forEach(device -> command.addAll(List.of("--vdev", device)));
        command.addAll(
                List.of(
                        "--",
                        "-i",
                        "--disable-link-check",
                        "--total-num-mbufs=8192",
                        "--mbuf-size=4096"));
        var testpmd =
                new Testpmd(
                        OutboardProcess.startConsole("dpdk-testpmd (" + name + ")", command),
                        prefix,
                        sockets(devices));
        try {
            // One whose socket cannot be bound is left out, and said in passing.
            testpmd.ask(
                    "show port summary all", "Number of available ports: " + devices.size() + "\n");
            return testpmd;
        } catch (RuntimeException failure) {
            testpmd.close();
            throw failure;
        }
    }

    private static List<Path> sockets(List<String> devices) {
        return devices.stream()
                .map(LISTENING::matcher)
                .filter(Matcher::matches)
                .map(matcher -> Path.of(matcher.group(1)))
                .toList();
    }

    /** The words for a back-end's port at a socket. */
    static String vhost(Path socket) {
        return "iface=" + socket + ",queues=1";
    }

    /** The words for a driver's port at a socket. */
    static String virtioUser(Path socket, boolean isPacked) {
        return "path=" + socket + ",queues=1,server=0" + (isPacked ? ",packed_vq=1" : "");
    }

    /** Begins to forward on one port, frames of a size where it sends. */
    void forward(String mode, int port, int frameBytes) {
        // What is answered in the end tells that all was read.
        process.tell("set portlist " + port);
        process.tell("set txpkts " + frameBytes);
        forward(mode);
    }

    /** Begins to forward on all ports of its list. */
    void forward(String mode) {
        process.tell("set fwd " + mode);
        ask("start", "packet forwarding");
        isForwarding = true;
    }

    /** Ends that; does nothing where nothing is forwarded. */
    void stop() {
        if (isForwarding) {
            isForwarding = false;
            ask("stop", "Accumulated forward statistics");
        }
    }

    /**
     * Counts for a time.
     *
     * @return frames a second by its own clock
     */
    double rate(int port, Count count, long millis) {
        var command = "show port stats " + port;
        ask(command, count.rate);
        Programs.sleep(millis);
        var text = ask(command, count.rate);
        var found = count.rate.matcher(text);
        found.find();
        return Double.parseDouble(found.group(1));
    }

    /** Its process. */
    long pid() {
        return process.pid();
    }

    private void ask(String command, String answer) {
        ask(command, Pattern.compile(Pattern.quote(answer)));
    }

    /** Says something, and waits for an answer that fits; what it said before does not count. */
    private String ask(String command, Pattern answer) {
        process.takeOutput();
        said.setLength(0);
        process.tell(command);
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (true) {
            said.append(process.takeOutput()).append('\n');
            if (answer.matcher(said).find()) {
                return said.toString();
            }
            if (!process.isAlive() || System.nanoTime() - deadline > 0) {
                throw new CommandException(
                        "%s does not answer '%s': %s"
                                .formatted(
                                        process.name(),
                                        command,
                                        Programs.lastLine(said + process.errorOutput())));
            }
            Programs.sleep(2);
        }
    }

    /** Whether all programs of this run have huge pages, or none: both sides have the same. */
    static boolean hasHugePages() {
        return HUGE;
    }

    /** What a program of DPDK is told of its memory. */
    static List<String> memory() {
        return HUGE
                ? List.of("--in-memory", "--single-file-segments", "-m", "128")
                : List.of("--no-huge", "--no-shconf", "-m", "128");
    }

    private static boolean areThereHugePages() {
        try (var lines = Files.lines(Path.of("/proc/meminfo"))) {
            return lines.filter(line -> line.startsWith("HugePages_Free:"))
                    .map(line -> line.replaceAll("[^0-9]", ""))
                    .anyMatch(text -> !text.isEmpty() && Integer.parseInt(text) >= HUGE_PAGES);
        } catch (IOException e) {
            return false;
        }
    }

    @Override
    public void close() {
        if (process.isAlive()) {
            process.kill();
        }
        process.awaitExit(PATIENCE);
        var folder = Path.of("/var/run/dpdk", prefix);
        try {
            // Killed, it leaves them, and the next one cannot listen there.
            for (var socket : sockets) {
                Files.deleteIfExists(socket);
            }
            // Without huge pages DPDK makes a folder and leaves it.
            if (Files.isDirectory(folder)) {
                try (var files = Files.list(folder)) {
                    for (var file : files.toList()) {
                        Files.delete(file);
                    }
                }
                Files.delete(folder);
            }
        } catch (IOException e) {
            throw new CommandException("what testpmd left cannot be removed: " + e.getMessage(), e);
        }
    }
}
