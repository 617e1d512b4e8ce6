package dev.outboard.perf.versus;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.event.Event;
import dev.outboard.host.process.OutboardProcess;
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
 * Our block driver on qemu-storage-daemon: random reads of 4 KiB from a file in the page cache, and
 * from a disk that answers without reading.
 */
final class DiskFigures {
    private static final long FILE_BYTES = 256L << 20;
    private static final int CHUNK_BYTES = 1 << 20;
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final Path folder;
    private final int runs;
    private final int seconds;
    private final Consumer<String> progress;

    DiskFigures(Path folder, int runs, int seconds, Consumer<String> progress) {
        this.folder = folder;
        this.runs = runs;
        this.seconds = seconds;
        this.progress = progress;
    }

    /** Rows for each back-end and depth. */
    List<Map<String, Object>> run() {
        var image = folder.resolve("disk.raw");
        fill(image);
        var rows = new ArrayList<Map<String, Object>>();
        rows.addAll(
                run(
                        "raw file",
                        List.of(
                                "--blockdev",
                                "driver=file,node-name=f0,filename=" + image + ",aio=io_uring",
                                "--blockdev",
                                "driver=raw,node-name=d0,file=f0")));
        rows.addAll(
                run(
                        "null-co",
                        List.of(
                                "--blockdev",
                                "driver=null-co,node-name=d0,size=1073741824,read-zeroes=on")));
        remove(image);
        return rows;
    }

    private List<Map<String, Object>> run(String kind, List<String> device) {
        var perDepth = new LinkedHashMap<Long, List<Map<?, ?>>>();
        for (int i = 0; i < runs; i++) {
            progress.accept("disk reads, %s, run %d of %d".formatted(kind, i + 1, runs));
            for (var row : readOnce(device)) {
                perDepth.computeIfAbsent(
                                ((Number) row.get("depth")).longValue(), depth -> new ArrayList<>())
                        .add(row);
            }
        }
        var rows = new ArrayList<Map<String, Object>>();
        perDepth.forEach((depth, results) -> rows.add(row(kind, depth, results)));
        return rows;
    }

    private Map<String, Object> row(String kind, long depth, List<Map<?, ?>> results) {
        var rate = samples(results, "operationsPerSecond");
        var row = new LinkedHashMap<String, Object>();
        row.put("test", "disk random read");
        row.put("sizeBytes", 4096);
        row.put("depth", depth);
        row.put("backEnd", "qemu-storage-daemon " + kind);
        row.put("runs", runs);
        row.put("operationsPerSecond", rate.median());
        row.put("operationsPerSecondLow", rate.minimum());
        row.put("operationsPerSecondHigh", rate.maximum());
        row.put("latencyP50Nanos", samples(results, "latencyP50Nanos").median());
        row.put("latencyP99Nanos", samples(results, "latencyP99Nanos").median());
        row.put("latencyP999Nanos", samples(results, "latencyP999Nanos").median());
        row.put("driverCpuPercent", samples(results, "cpuPercent").median());
        row.put("allocatedBytesPerRequest", samples(results, "allocatedBytesPerRequest").median());
        return row;
    }

    private static Samples samples(List<Map<?, ?>> results, String field) {
        var samples = new Samples();
        for (var result : results) {
            if (result.get(field) instanceof Number number) {
                samples.add(number.doubleValue());
            }
        }
        return samples;
    }

    private List<Map<?, ?>> readOnce(List<String> device) {
        var socket = folder.resolve("disk");
        var command = new ArrayList<>(List.of("qemu-storage-daemon"));
        command.addAll(device);
        command.addAll(
                List.of(
                        "--export",
                        "type=vhost-user-blk,id=e0,node-name=d0,addr.type=unix,addr.path="
                                + socket
                                + ",writable=on,num-queues=1,logical-block-size=512"));
        try (var daemon = OutboardProcess.startProgram("qemu-storage-daemon", command, Map.of())) {
            long deadline = System.nanoTime() + PATIENCE.toNanos();
            while (!Files.exists(socket)) {
                if (!daemon.isAlive() || System.nanoTime() - deadline > 0) {
                    throw new CommandException(
                            "qemu-storage-daemon did not open its socket: " + daemon.errorOutput());
                }
                Programs.sleep(20);
            }
            var words =
                    List.of(
                            "run",
                            "virtio-blk",
                            "--device",
                            "vhost-user:" + socket,
                            "--client",
                            "disk-read",
                            "-o",
                            "depths=1,32",
                            "-o",
                            "warmupMillis=" + 1000 * (seconds + 1),
                            "-o",
                            "millis=" + 1000 * seconds,
                            "--json");
            try (var driver = OutboardProcess.start("our driver", words)) {
                var result = driver.awaitEvent(Event.RESULT, PATIENCE.plusSeconds(6L * seconds));
                driver.awaitExit(PATIENCE);
                return rows(result);
            }
        } finally {
            remove(socket);
        }
    }

    private static List<Map<?, ?>> rows(Event result) {
        if (result.fields().get("client") instanceof Map<?, ?> client
                && client.get("rows") instanceof List<?> list) {
            var rows = new ArrayList<Map<?, ?>>();
            list.forEach(item -> rows.add((Map<?, ?>) item));
            return rows;
        }
        throw new CommandException("the driver's result has no rows: " + result);
    }

    /** A file that is really there: a sparse one would be read as zeros. */
    private static void fill(Path image) {
        var chunk = new byte[CHUNK_BYTES];
        try (var out = Files.newOutputStream(image)) {
            var random = new java.util.SplittableRandom(1);
            for (long written = 0; written < FILE_BYTES; written += CHUNK_BYTES) {
                random.nextBytes(chunk);
                out.write(chunk);
            }
        } catch (IOException e) {
            throw new CommandException("no disk file can be written: " + e.getMessage(), e);
        }
    }

    private static void remove(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new CommandException("cannot remove " + file + ": " + e.getMessage(), e);
        }
    }
}
