package dev.outboard.perf.versus;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.Subcommand;
import dev.outboard.host.cli.UsageException;
import dev.outboard.host.event.Event;
import dev.outboard.perf.report.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
    private static final double MOST_SOAK_MINUTES = 24 * 60;

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

    @Option(
            names = "--only",
            paramLabel = "PATTERN",
            defaultValue = "",
            description =
                    "Of net: only what has this in its name, as frames; a wrong one lists all.")
    private String only;

    @Option(
            names = "--soak",
            paramLabel = "MINUTES",
            description =
                    "Of net: instead of comparing, send TCP both ways between two namespaces over"
                            + " TAPs and drivers for so long, and check every byte.")
    private Double soakMinutes;

    @Option(
            names = "--json",
            description = "Print for machines: net as an array, disk one JSON object a line.")
    private boolean json;

    @Override
    public int order() {
        return ORDER;
    }

    @Override
    public Integer call() {
        int count = choose("--pairs", pairs, quick ? what == What.NET ? 1 : 2 : 5);
        int length = choose("--seconds", seconds, quick ? 1 : 3);
        if (soakMinutes != null) {
            soak();
        } else if (what == What.NET) {
            network(quick ? Effort.quick(count) : Effort.full(count, length));
        } else {
            var folder = makeFolder();
            try {
                disk(folder, count, length).forEach(this::print);
            } finally {
                remove(folder);
            }
        }
        return 0;
    }

    private void soak() {
        if (what != What.NET || !(soakMinutes > 0 && soakMinutes <= MOST_SOAK_MINUTES)) {
            throw new UsageException("--soak " + soakMinutes + ": net, for up to a day of minutes");
        }
        if (!Programs.IP.isThere()) {
            throw new CommandException(Programs.IP.complaint());
        }
        var rows = new Soak(Math.max(1, Math.round(soakMinutes * 60))).run();
        if (json) {
            System.out.print(Json.of(rows));
        } else {
            for (var row : rows) {
                System.out.printf(
                        Locale.ROOT,
                        "%-28s %.0f s, %,d bytes, %,.0f Mbit/s, longest time without a byte %d ms,"
                                + " wrong pieces %d: %s%n",
                        row.get("stream"),
                        row.get("seconds"),
                        row.get("receivedBytes"),
                        row.get("throughputMbps"),
                        row.get("longestGapMillis"),
                        row.get("wrongPieces"),
                        Boolean.TRUE.equals(row.get("verified")) ? "good" : "NOT GOOD");
            }
        }
        if (rows.stream().anyMatch(row -> !Boolean.TRUE.equals(row.get("verified")))) {
            throw new CommandException("a stream stalled for a second, or is not what was sent");
        }
    }

    private void network(Effort effort) {
        var figures = new NetworkVersus(effort, json).run(only);
        if (json) {
            System.out.print(Json.of(figures.rows()));
        } else {
            figures.table().forEach(System.out::println);
        }
    }

    private static int choose(String option, Integer given, int absent) {
        if (given != null && (given < 1 || given > 1000)) {
            throw new UsageException(option + " " + given + " is not between 1 and 1000");
        }
        return given == null ? absent : given;
    }

    private List<Map<String, Object>> disk(Path folder, int count, int length) {
        if (!Programs.STORAGE_DAEMON.isThere()) {
            throw new CommandException(Programs.STORAGE_DAEMON.complaint());
        }
        return new DiskFigures(folder, count, length, this::progress).run();
    }

    private void progress(String text) {
        if (!json) {
            System.err.println(text + " …");
        }
    }

    private void print(Map<String, Object> row) {
        if (json) {
            System.out.println(new Event(Event.RESULT, row).toJson());
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
