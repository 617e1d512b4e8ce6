package dev.outboard.perf.demo;

import dev.outboard.host.cli.StopRequest;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A pattern written to a disk, flushed, read back and compared: a block driver process and a disk
 * device process with a file.
 */
final class DiskTrial {
    private static final String DISK = "disk0";

    private final DemoPlan plan;
    private final StopRequest stop;

    DiskTrial(DemoPlan plan, StopRequest stop) {
        this.plan = plan;
        this.stop = stop;
    }

    /** Runs one setting: two rows for each request size, writing and reading. */
    List<Row> run(IommuSetting setting) {
        try (var workspace = new Workspace(stop)) {
            var file = workspace.path("disk.raw");
            create(file, plan.diskBytes());
            var device =
                    workspace.start("the disk device", workspace.diskWords(DISK, file, setting));
            var blocks =
                    plan.blockBytes().stream()
                            .map(String::valueOf)
                            .collect(Collectors.joining(","));
            var driver =
                    workspace.start(
                            "the block driver",
                            workspace.runWords(
                                    "virtio-blk",
                                    DISK,
                                    setting,
                                    "disk-check",
                                    List.of(
                                            "blocks=" + blocks,
                                            "bytes=" + plan.diskBytes() / 2,
                                            "millis=" + plan.blockMillis(),
                                            "warmupMillis=" + plan.warmupMillis(),
                                            "watch.device=" + device.pid())));
            var limit =
                    Duration.ofMillis(
                            30_000
                                    + plan.blockBytes().size()
                                            * 6
                                            * (plan.blockMillis() + plan.warmupMillis()));
            var result = Children.result(driver, limit);
            boolean verified = Children.isVerified(result);
            return Children.rows(result, "rows").stream()
                    .map(row -> row(setting, row, verified))
                    .toList();
        }
    }

    private static void create(Path file, long bytes) {
        try (var disk = new RandomAccessFile(file.toFile(), "rw")) {
            disk.setLength(bytes);
        } catch (IOException e) {
            throw new UncheckedIOException("the disk's file cannot be made", e);
        }
    }

    private static Row row(IommuSetting setting, Map<String, Object> row, boolean verified) {
        var isolation = new Isolation(setting).add(row);
        var details = new LinkedHashMap<String, Object>();
        for (var name :
                List.of(
                        "seconds",
                        "depth",
                        "requests",
                        "corruptBlocks",
                        "allocatedBytesPerRequest")) {
            details.put(name, row.get(name));
        }
        isolation.addTo(details);
        return new Row(
                String.valueOf(row.get("test")),
                Children.number(row, "sizeBytes"),
                setting,
                Children.decimal(row, "throughputMbps"),
                Children.decimal(row, "operationsPerSecond"),
                Children.decimal(row, "cpuPercent"),
                Children.decimal(row, "deviceCpuPercent"),
                isolation.hitRate(),
                isolation.faults(),
                isolation.windowEntries(),
                isolation.windowNanos(),
                verified && Boolean.TRUE.equals(row.get("verified")),
                details);
    }
}
