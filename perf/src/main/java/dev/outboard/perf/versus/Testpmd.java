package dev.outboard.perf.versus;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.process.OutboardProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * {@code dpdk-testpmd} with one port and one forwarding thread on a processor of its own, printing
 * its rates every second. One thread.
 */
final class Testpmd implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final int HUGE_PAGES = 128;

    private final OutboardProcess process;
    private final String prefix;
    private final Pattern rate;

    private Testpmd(OutboardProcess process, String prefix, Pattern rate) {
        this.process = process;
        this.prefix = prefix;
        this.rate = rate;
    }

    /** Which of its rates counts. */
    enum Count {
        RECEIVED("Rx-pps"),
        SENT("Tx-pps");

        private final Pattern rate;

        Count(String word) {
            rate = Pattern.compile(word + ":\\s+(\\d+)");
        }
    }

    /** DPDK's vhost back-end on processor 0; returns when its socket is there. */
    static Testpmd backEnd(Path socket, String mode, int frameBytes, Count count) {
        var testpmd =
                start(
                        "backend",
                        "net_vhost0,iface=" + socket + ",queues=1",
                        0,
                        mode,
                        frameBytes,
                        count);
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (!Files.exists(socket)) {
            if (!testpmd.process.isAlive() || System.nanoTime() - deadline > 0) {
                var said = testpmd.process.output() + testpmd.process.errorOutput();
                testpmd.close();
                throw new CommandException(
                        "dpdk-testpmd did not open its socket: " + lastLine(said));
            }
            sleep(20);
        }
        return testpmd;
    }

    /** DPDK's virtio-user driver on processor 1. */
    static Testpmd virtioUser(Path socket, String mode, int frameBytes) {
        return start(
                "driver",
                "net_virtio_user0,path=" + socket + ",queues=1,server=0",
                1,
                mode,
                frameBytes,
                Count.SENT);
    }

    private static Testpmd start(
            String name, String device, int processor, String mode, int frameBytes, Count count) {
        var prefix = "outboard-" + name + "-" + ProcessHandle.current().pid();
        // Its output is a pipe, which it would fill before we see a line.
        var command = new ArrayList<>(List.of("stdbuf", "-oL", "dpdk-testpmd"));
        command.addAll(
                hasHugePages()
                        ? List.of("--in-memory", "--single-file-segments", "-m", "256")
                        : List.of("--no-huge", "--no-shconf", "-m", "256"));
        command.addAll(
                List.of(
                        "--no-pci",
                        "--no-telemetry",
                        "--main-lcore",
                        "0",
                        "--lcores",
                        "0@(0,1),1@" + processor,
                        "--file-prefix",
                        prefix,
                        "--vdev",
                        device,
                        "--",
                        "--disable-link-check",
                        "--total-num-mbufs=4096",
                        "--mbuf-size=4096",
                        "--txpkts=" + frameBytes,
                        "--stats-period",
                        "1",
                        "--forward-mode=" + mode));
        return new Testpmd(
                OutboardProcess.startProgram("dpdk-testpmd (" + name + ")", command, Map.of()),
                prefix,
                count.rate);
    }

    /** Whether there are enough for two of them. */
    static boolean hasHugePages() {
        try (var lines = Files.lines(Path.of("/proc/meminfo"))) {
            return lines.filter(line -> line.startsWith("HugePages_Free:"))
                    .map(line -> line.replaceAll("[^0-9]", ""))
                    .anyMatch(text -> !text.isEmpty() && Integer.parseInt(text) >= HUGE_PAGES);
        } catch (IOException e) {
            return false;
        }
    }

    /** The median of the rates it prints in the coming seconds. */
    double rate(int seconds) {
        int before = rates().size();
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        // The first began before we asked.
        while (rates().size() < before + 1 + seconds) {
            sleepAlive(50);
            if (System.nanoTime() - deadline > 0) {
                throw new CommandException(
                        process.name() + " prints no rates: " + lastLine(process.errorOutput()));
            }
        }
        var samples = new Samples();
        rates().subList(before + 1, before + 1 + seconds).forEach(samples::add);
        return samples.median();
    }

    /** Waits; a program that ends meanwhile is an error. */
    void sleepAlive(long millis) {
        sleep(millis);
        if (!process.isAlive()) {
            throw new CommandException(
                    process.name() + " ended: " + lastLine(process.errorOutput()));
        }
    }

    private static String lastLine(String text) {
        return text.strip().lines().reduce("", (before, line) -> line);
    }

    private List<Double> rates() {
        return rate.matcher(process.output())
                .results()
                .map(found -> Double.parseDouble(found.group(1)))
                .toList();
    }

    static void sleep(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CommandException("interrupted", e);
        }
    }

    @Override
    public void close() {
        process.close();
        // Without huge pages DPDK makes a folder and leaves it.
        var folder = Path.of("/var/run/dpdk", prefix);
        try {
            if (Files.isDirectory(folder)) {
                try (var files = Files.list(folder)) {
                    for (var file : files.toList()) {
                        Files.delete(file);
                    }
                }
                Files.delete(folder);
            }
        } catch (IOException e) {
            throw new CommandException(folder + " cannot be removed: " + e.getMessage(), e);
        }
    }
}
