package dev.outboard.perf.versus;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.event.Event;
import dev.outboard.host.process.OutboardProcess;
import dev.outboard.perf.measure.ProcessCpu;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Our network driver and DPDK's virtio-user, in turn on DPDK's vhost back-end; the back-end counts
 * both.
 */
final class NetworkComparison {
    private static final String SPIN_MICROS = "1000";

    /** Longer than any measurement: the driver is stopped when its back-end has been counted. */
    private static final String UNTIL_STOPPED_MILLIS = "600000";

    private final Path folder;
    private final int pairs;
    private final int seconds;
    private final Consumer<String> progress;

    NetworkComparison(Path folder, int pairs, int seconds, Consumer<String> progress) {
        this.folder = folder;
        this.pairs = pairs;
        this.seconds = seconds;
        this.progress = progress;
    }

    /** One direction and frame size: a row. */
    Map<String, Object> run(boolean send, int frameBytes) {
        var ours = new Samples();
        var theirs = new Samples();
        var allocated = new Samples();
        var disturbed = new Samples();
        for (int pair = 0; pair < pairs; pair++) {
            progress.accept(
                    "%s %d bytes, pair %d of %d"
                            .formatted(send ? "transmit" : "receive", frameBytes, pair + 1, pairs));
            if (pair % 2 == 0) {
                runOurs(send, frameBytes, ours, allocated, disturbed);
                theirs.add(runTheirs(send, frameBytes));
            } else {
                theirs.add(runTheirs(send, frameBytes));
                runOurs(send, frameBytes, ours, allocated, disturbed);
            }
        }
        var ratio = Samples.ratios(ours, theirs);
        var row = new LinkedHashMap<String, Object>();
        row.put("test", send ? "net transmit" : "net receive");
        row.put("sizeBytes", frameBytes);
        row.put("backEnd", "dpdk-testpmd net_vhost");
        row.put("hugePages", Testpmd.hasHugePages());
        row.put("pairs", pairs);
        row.put("framesPerSecond", ours.median());
        row.put("framesPerSecondLow", ours.minimum());
        row.put("framesPerSecondHigh", ours.maximum());
        row.put("virtioUserFramesPerSecond", theirs.median());
        row.put("virtioUserFramesPerSecondLow", theirs.minimum());
        row.put("virtioUserFramesPerSecondHigh", theirs.maximum());
        row.put("ratio", ratio.median());
        row.put("ratioLow", ratio.minimum());
        row.put("ratioHigh", ratio.maximum());
        row.put("allocatedBytesPerFrame", allocated.median());
        row.put("waitedForProcessorPercent", disturbed.maximum());
        return row;
    }

    private Testpmd backEnd(Path socket, boolean send, int frameBytes) {
        return Testpmd.backEnd(
                socket,
                send ? "rxonly" : "txonly",
                frameBytes,
                send ? Testpmd.Count.RECEIVED : Testpmd.Count.SENT);
    }

    private void runOurs(
            boolean send, int frameBytes, Samples rates, Samples allocated, Samples disturbed) {
        var socket = folder.resolve("net");
        try (var backEnd = backEnd(socket, send, frameBytes)) {
            int warmup = seconds + 1;
            var words =
                    new ArrayList<>(
                            List.of(
                                    "run",
                                    "virtio-net",
                                    "--device",
                                    "vhost-user:" + socket,
                                    "--spin-us",
                                    SPIN_MICROS,
                                    "--client",
                                    send ? "net-generate" : "net-sink",
                                    "-o",
                                    "warmupMillis=" + 1000 * warmup,
                                    "-o",
                                    "millis=" + UNTIL_STOPPED_MILLIS,
                                    "--json"));
            if (send) {
                words.addAll(List.of("-o", "size=" + frameBytes));
            }
            try (var driver = OutboardProcess.start("our driver", words)) {
                driver.awaitReady(Duration.ofSeconds(30));
                pin(driver.pid());
                Testpmd.sleep(1000L * warmup);
                var before = usage(driver);
                long start = System.nanoTime();
                rates.add(backEnd.rate(seconds));
                long took = System.nanoTime() - start;
                var usage = usage(driver).since(before);
                disturbed.add(100.0 * usage.waitNanos() / took);
                driver.terminate();
                var result = driver.awaitEvent(Event.RESULT, Duration.ofSeconds(30));
                if (result.fields().get("client") instanceof Map<?, ?> client
                        && client.get("allocatedBytesPerFrame") instanceof Number bytes) {
                    allocated.add(bytes.doubleValue());
                }
                driver.awaitExit(Duration.ofSeconds(20));
            }
        }
        remove(socket);
    }

    private static ProcessCpu.Sample usage(OutboardProcess driver) {
        var sample = ProcessCpu.sample(driver.pid());
        if (sample == null) {
            throw new CommandException("our driver ended too early: " + driver.errorOutput());
        }
        return sample;
    }

    private double runTheirs(boolean send, int frameBytes) {
        var socket = folder.resolve("net");
        double rate;
        try (var backEnd = backEnd(socket, send, frameBytes);
                var driver = Testpmd.virtioUser(socket, send ? "txonly" : "rxonly", frameBytes)) {
            driver.sleepAlive(2500);
            rate = backEnd.rate(seconds);
        }
        remove(socket);
        return rate;
    }

    /** All threads of a process to processor 1, as DPDK's driver has it. */
    private static void pin(long pid) {
        try (var taskset =
                OutboardProcess.startProgram(
                        "taskset",
                        List.of("taskset", "-a", "-c", "-p", "1", Long.toString(pid)),
                        Map.of())) {
            if (taskset.awaitExit(Duration.ofSeconds(10)) != 0) {
                throw new CommandException("cannot pin the driver: " + taskset.errorOutput());
            }
        }
    }

    private static void remove(Path socket) {
        try {
            Files.deleteIfExists(socket);
        } catch (IOException e) {
            throw new CommandException("cannot remove " + socket + ": " + e.getMessage(), e);
        }
    }
}
