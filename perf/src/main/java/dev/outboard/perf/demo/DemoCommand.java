package dev.outboard.perf.demo;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.StopRequest;
import dev.outboard.host.cli.Subcommand;
import dev.outboard.host.cli.UsageException;
import dev.outboard.perf.measure.Progress;
import dev.outboard.perf.report.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code outboard demo}: the whole picture with one command. */
@Command(
        name = "demo",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        description =
                "Shows the whole: streams messages between two network drivers and reads and"
                        + " writes a disk, each driver and device in a process of its own, without"
                        + " an IOMMU and under several strategies in turn; every byte is checked.")
public final class DemoCommand implements Subcommand {
    private static final int ORDER = 1;
    private static final int EXIT_NOT_VERIFIED = 1;
    private static final double FULL_SECONDS = 0.5;
    private static final int FULL_ROUNDS = 5;
    private static final int QUICK_ROUNDS = 2;
    private static final int MOST_ROUNDS = 1000;
    private static final double QUICK_SECONDS = 0.2;
    private static final double MOST_SECONDS = 3600;

    @Option(names = "--json", description = "Print the report as JSON instead of a table.")
    private boolean json;

    @Option(
            names = "--seconds",
            paramLabel = "S",
            description =
                    "Measure each size for so long under each setting. Default: 0.5, with --quick"
                            + " 0.2.")
    private Double seconds;

    @Option(
            names = "--rounds",
            paramLabel = "N",
            description =
                    "Measure streams in so many turns, each setting one a round. Default: 5, with"
                            + " --quick 2.")
    private Integer rounds;

    @Option(
            names = "--output",
            paramLabel = "FILE",
            defaultValue = "report.json",
            description = "Where the report goes. Default: ${DEFAULT-VALUE}.")
    private Path output;

    @Option(names = "--quick", description = "Fewer and shorter measurements.")
    private boolean quick;

    @Override
    public int order() {
        return ORDER;
    }

    @Override
    public Integer call() {
        checkOptions();
        double each = seconds == null ? quick ? QUICK_SECONDS : FULL_SECONDS : seconds;
        int turns = rounds == null ? quick ? QUICK_ROUNDS : FULL_ROUNDS : rounds;
        var plan = quick ? DemoPlan.quick(each, turns) : DemoPlan.full(each, turns);
        long start = System.nanoTime();
        var rows = runAll(plan);
        double took = (System.nanoTime() - start) / 1e9;
        boolean verified = !rows.isEmpty() && rows.stream().allMatch(Row::verified);
        var report = Report.toJson(commandLine(each, turns), rows, verified, took);
        try {
            Json.save(output, report);
        } catch (IOException e) {
            throw new CommandException(
                    "the report cannot be written to " + output + ": " + e.getMessage(), e);
        }
        if (json) {
            System.out.print(report);
        } else {
            print(rows, verified, took);
        }
        return verified ? 0 : EXIT_NOT_VERIFIED;
    }

    private void checkOptions() {
        if (seconds != null && !(seconds > 0 && seconds <= MOST_SECONDS)) {
            throw new UsageException("--seconds " + seconds + " is not between 0 and 3600");
        }
        if (rounds != null && (rounds < 1 || rounds > MOST_ROUNDS)) {
            throw new UsageException("--rounds " + rounds + " is not 1 to " + MOST_ROUNDS);
        }
        var folder = output.toAbsolutePath().getParent();
        if (folder == null || !Files.isDirectory(folder) || !Files.isWritable(folder)) {
            throw new UsageException(
                    "--output " + output + ": there is no folder " + folder + " to write to");
        }
        if (Files.isDirectory(output)) {
            throw new UsageException("--output " + output + " is a folder: name a file");
        }
    }

    private List<Row> runAll(DemoPlan plan) {
        var stop = StopRequest.ofProcess();
        var network = new NetworkTrial(plan, stop);
        var disk = new DiskTrial(plan, stop);
        var rows = new ArrayList<Row>();
        try (var progress = Progress.start("demo", plan.seconds(), json)) {
            rows.addAll(network.run(progress));
            for (var setting : plan.disks()) {
                progress.step("disk, " + setting, plan.diskSeconds());
                rows.addAll(disk.run(setting));
            }
        } catch (RuntimeException e) {
            if (stop.isStopping()) {
                throw new CommandException("stopped before it was done; no report was written", e);
            }
            throw e;
        }
        return rows;
    }

    private String commandLine(double each, int turns) {
        return String.format(
                Locale.ROOT,
                "outboard demo%s --seconds %s --rounds %d",
                quick ? " --quick" : "",
                each,
                turns);
    }

    private void print(List<Row> rows, boolean verified, double took) {
        Table.format(rows).forEach(System.out::println);
        System.out.println();
        System.out.println(Verdict.of(rows, verified));
        System.out.printf(Locale.ROOT, "%.0f s; report: %s%n", took, output);
    }
}
