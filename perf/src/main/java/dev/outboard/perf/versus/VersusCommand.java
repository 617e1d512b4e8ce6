package dev.outboard.perf.versus;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.Subcommand;
import dev.outboard.host.cli.UsageException;
import dev.outboard.host.event.Event;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code outboard versus}: our drivers beside others. */
@Command(
        name = "versus",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        description =
                "Measures our drivers on back-ends of others: net beside DPDK's virtio-user on"
                        + " dpdk-testpmd, disk on qemu-storage-daemon. Quiet the machine first.")
public final class VersusCommand implements Subcommand {
    private static final int ORDER = 61;
    private static final int[] FRAME_BYTES = {64, 1500};

    /** What is compared. */
    enum What {
        NET,
        DISK
    }

    @Parameters(arity = "1", paramLabel = "net|disk", description = "What to measure.")
    private What what;

    @Option(names = "--quick", description = "Two short pairs: shows that it works.")
    private boolean quick;

    @Option(names = "--pairs", paramLabel = "N", description = "How many pairs. Default: 5.")
    private Integer pairs;

    @Option(
            names = "--seconds",
            paramLabel = "N",
            description = "How long each run is measured. Default: 3.")
    private Integer seconds;

    @Option(names = "--json", description = "Print results for machines, one JSON object a line.")
    private boolean json;

    @Override
    public int order() {
        return ORDER;
    }

    @Override
    public Integer call() {
        int count = choose("--pairs", pairs, quick ? 2 : 5);
        int length = choose("--seconds", seconds, quick ? 1 : 3);
        var folder = makeFolder();
        try {
            var rows =
                    what == What.NET ? network(folder, count, length) : disk(folder, count, length);
            rows.forEach(this::print);
        } finally {
            remove(folder);
        }
        return 0;
    }

    private static int choose(String option, Integer given, int absent) {
        if (given != null && (given < 1 || given > 1000)) {
            throw new UsageException(option + " " + given + " is not between 1 and 1000");
        }
        return given == null ? absent : given;
    }

    private List<Map<String, Object>> network(Path folder, int count, int length) {
        need("dpdk-testpmd", "dpdk");
        need("taskset", "util-linux");
        if (Runtime.getRuntime().availableProcessors() < 2) {
            throw new CommandException("needs two processors: one for each end");
        }
        if (!Testpmd.hasHugePages()) {
            progress(
                    "no huge pages: DPDK runs without them and is slower; for its best reserve some"
                            + " (sysctl vm.nr_hugepages=256)");
        }
        var comparison = new NetworkComparison(folder, count, length, this::progress);
        var rows = new ArrayList<Map<String, Object>>();
        for (int bytes : FRAME_BYTES) {
            rows.add(comparison.run(true, bytes));
            rows.add(comparison.run(false, bytes));
        }
        return rows;
    }

    private List<Map<String, Object>> disk(Path folder, int count, int length) {
        need("qemu-storage-daemon", "qemu-system-common");
        return new DiskFigures(folder, count, length, this::progress).run();
    }

    private static void need(String program, String aptPackage) {
        boolean found =
                Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
                        .anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
        if (!found) {
            throw new CommandException(
                    program + " is not installed: install the package " + aptPackage);
        }
    }

    private void progress(String text) {
        if (!json) {
            System.err.println(text + " …");
        }
    }

    private void print(Map<String, Object> row) {
        if (json) {
            System.out.println(new Event(Event.RESULT, row).toJson());
        } else if (what == What.NET) {
            System.out.printf(
                    Locale.ROOT,
                    "%-12s %5d bytes: ours %.2f M frames/s (%.2f-%.2f), virtio-user"
                            + " %.2f M (%.2f-%.2f), ratio %.2f (%.2f-%.2f),"
                            + " %.3f bytes allocated per frame%n",
                    row.get("test"),
                    row.get("sizeBytes"),
                    millions(row, "framesPerSecond"),
                    millions(row, "framesPerSecondLow"),
                    millions(row, "framesPerSecondHigh"),
                    millions(row, "virtioUserFramesPerSecond"),
                    millions(row, "virtioUserFramesPerSecondLow"),
                    millions(row, "virtioUserFramesPerSecondHigh"),
                    row.get("ratio"),
                    row.get("ratioLow"),
                    row.get("ratioHigh"),
                    row.get("allocatedBytesPerFrame"));
        } else {
            System.out.printf(
                    Locale.ROOT,
                    "%-28s depth %2d: %,.0f reads/s (%,.0f-%,.0f), latency p50 %.1f us,"
                            + " p99 %.1f us, p99.9 %.1f us, %.3f bytes allocated per request%n",
                    row.get("backEnd"),
                    row.get("depth"),
                    row.get("operationsPerSecond"),
                    row.get("operationsPerSecondLow"),
                    row.get("operationsPerSecondHigh"),
                    (double) row.get("latencyP50Nanos") / 1e3,
                    (double) row.get("latencyP99Nanos") / 1e3,
                    (double) row.get("latencyP999Nanos") / 1e3,
                    row.get("allocatedBytesPerRequest"));
        }
    }

    private static double millions(Map<String, Object> row, String field) {
        return (double) row.get(field) / 1e6;
    }

    private static Path makeFolder() {
        try {
            return Files.createTempDirectory("outboard-versus-");
        } catch (IOException e) {
            throw new CommandException("no folder for sockets can be made: " + e.getMessage(), e);
        }
    }

    private static void remove(Path folder) {
        try (var files = Files.list(folder)) {
            for (var file : files.toList()) {
                Files.delete(file);
            }
            Files.delete(folder);
        } catch (IOException e) {
            throw new CommandException(folder + " cannot be removed: " + e.getMessage(), e);
        }
    }
}
