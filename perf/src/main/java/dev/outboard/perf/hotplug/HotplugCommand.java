package dev.outboard.perf.hotplug;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.Sizes;
import dev.outboard.host.cli.StopRequest;
import dev.outboard.host.cli.Subcommand;
import dev.outboard.host.cli.UsageException;
import dev.outboard.perf.measure.Progress;
import dev.outboard.perf.report.Json;
import dev.outboard.perf.report.TextTable;
import dev.outboard.perf.setup.Owner;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.HdrHistogram.Histogram;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code outboard hotplug}: memory that comes and goes under load. */
@Command(
        name = "hotplug",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        description =
                "Plugs memory into the drivers of a network stream and of a disk test while they"
                        + " run, sees that they use it, that it is not given away while they do,"
                        + " and unplugs it again; every byte of every frame and block is checked.")
public final class HotplugCommand implements Subcommand {
    private static final int ORDER = 65;
    private static final int EXIT_NOT_VERIFIED = 1;
    private static final int MOST_ROUNDS = 100_000;
    private static final double ROUND_SECONDS = 1;
    private static final double START_SECONDS = 5;
    private static final double MILLI = 1e6;

    @Option(
            names = "--rounds",
            defaultValue = "100",
            paramLabel = "N",
            description = "How often memory comes and goes. Default: ${DEFAULT-VALUE}.")
    private int rounds;

    @Option(
            names = "--size",
            defaultValue = "1G",
            paramLabel = "SIZE",
            description = "How much memory each time, for each driver. Default: ${DEFAULT-VALUE}.")
    private String size;

    @Option(
            names = "--pages",
            defaultValue = "auto",
            paramLabel = "KIND",
            description = "Of which pages, as 'memory plug' has it. Default: ${DEFAULT-VALUE}.")
    private String pages;

    @Option(
            names = "--owner",
            defaultValue = "driver",
            paramLabel = "OWNER",
            description = "Who writes the tables: driver or mediator. Default: ${DEFAULT-VALUE}.")
    private String owner;

    @Option(
            names = "--strategy",
            defaultValue = "batched",
            paramLabel = "NAME",
            description = "How the drivers map. Default: ${DEFAULT-VALUE}.")
    private String strategy;

    @Option(
            names = "--format",
            defaultValue = "dart",
            paramLabel = "NAME",
            description = "Of which format the tables are. Default: ${DEFAULT-VALUE}.")
    private String format;

    @Option(
            names = "--force",
            description =
                    "In the end take memory away from the sender while it uses it: it may end with"
                            + " an error of one line; the disk's driver must go on.")
    private boolean force;

    @Option(names = "--json", description = "Print the figures as a JSON array.")
    private boolean json;

    /** For the service loader. */
    public HotplugCommand() {}

    @Override
    public int order() {
        return ORDER;
    }

    @Override
    public Integer call() {
        var plan = plan();
        var stop = StopRequest.ofProcess();
        var done = new int[1];
        List<HotplugRun.Outcome> outcomes;
        try (var progress =
                        Progress.start("hotplug", START_SECONDS + rounds * ROUND_SECONDS, json);
                var run = new HotplugRun(plan, stop)) {
            progress.step("devices and drivers start", START_SECONDS);
            run.start();
            run.rounds(
                    stop,
                    round -> {
                        progress.step("round " + round, ROUND_SECONDS);
                        done[0] = round;
                    });
            if (force && !stop.isStopping()) {
                run.force(round -> progress.step("by force", ROUND_SECONDS));
            }
            outcomes = run.finish();
        }
        if (stop.isStopping()) {
            throw new CommandException("stopped before it was done");
        }
        var isVerified = done[0] == rounds && isVerified(outcomes);
        tell(outcomes, done[0], isVerified);
        return isVerified ? 0 : EXIT_NOT_VERIFIED;
    }

    private HotplugPlan plan() {
        if (rounds < 1 || rounds > MOST_ROUNDS) {
            throw new UsageException("--rounds " + rounds + " is not 1 to " + MOST_ROUNDS);
        }
        try {
            return new HotplugPlan(
                    rounds, Sizes.parse(size), pages, owner(), strategy, format, force);
        } catch (IllegalArgumentException e) {
            throw new UsageException(e.getMessage());
        }
    }

    private Owner owner() {
        return switch (owner) {
            case "driver" -> Owner.DRIVER;
            case "mediator" -> Owner.MEDIATOR;
            default -> throw new UsageException("--owner " + owner + ": take driver or mediator");
        };
    }

    /** By force only the disk's driver has to come out of it whole. */
    private boolean isVerified(List<HotplugRun.Outcome> outcomes) {
        return outcomes.stream()
                .filter(outcome -> !force || outcome.driver().name().equals("disk"))
                .allMatch(
                        outcome ->
                                outcome.isVerified()
                                        && Boolean.TRUE.equals(outcome.hasLeftNothing()));
    }

    private void tell(List<HotplugRun.Outcome> outcomes, int done, boolean isVerified) {
        var rows = outcomes.stream().map(outcome -> row(outcome, done)).toList();
        if (json) {
            System.out.print(Json.of(rows));
            return;
        }
        var table =
                new TextTable(
                        List.of(
                                "driver",
                                "rounds",
                                "plug ms p50",
                                "max",
                                "unplug ms p50",
                                "max",
                                "used frames",
                                "mapped",
                                "refused",
                                "again",
                                "moved",
                                "corrupt",
                                "lost",
                                "left",
                                "verified"),
                        Set.of(0, 14));
        var cells = new ArrayList<List<String>>();
        rows.forEach(row -> cells.add(row.values().stream().limit(15).map(this::cell).toList()));
        table.format(cells).forEach(System.out::println);
        outcomes.forEach(
                outcome -> {
                    if (!outcome.error().isEmpty()) {
                        System.out.println(outcome.driver().name() + ": " + outcome.error());
                    }
                });
        System.out.println();
        System.out.println("A refusal read: " + outcomes.getLast().driver().refusal());
        System.out.println(
                (isVerified ? "Verified: " : "NOT VERIFIED: ")
                        + done
                        + " times "
                        + size
                        + " came and went under each of "
                        + rows.size()
                        + " drivers");
    }

    private String cell(Object value) {
        return switch (value) {
            case null -> TextTable.NONE;
            case Double number -> String.format(Locale.ROOT, "%,.2f", number);
            case Long number -> String.format(Locale.ROOT, "%,d", number);
            case Boolean flag -> flag ? "yes" : "NO";
            default -> value.toString();
        };
    }

    private static Map<String, Object> row(HotplugRun.Outcome outcome, int done) {
        var driver = outcome.driver();
        var row = new LinkedHashMap<String, Object>();
        row.put("driver", driver.name());
        row.put("rounds", (long) done);
        row.put("plugMillis", millis(driver.plugs(), 50));
        row.put("plugMaxMillis", millis(driver.plugs(), 100));
        row.put("unplugMillis", millis(driver.unplugs(), 50));
        row.put("unplugMaxMillis", millis(driver.unplugs(), 100));
        row.put("usedFrames", driver.usedFrames());
        row.put("mappedFrames", driver.mappedFrames());
        row.put("refused", driver.refused());
        row.put("again", driver.again());
        var said = outcome.client() instanceof Map<?, ?> map ? map : Map.of();
        row.put("moved", Totals.moved(said));
        row.put("corrupt", Totals.corrupt(said));
        row.put("lost", Totals.lost(said));
        row.put("leftNothing", outcome.hasLeftNothing());
        row.put("verified", outcome.isVerified());
        row.put("refusal", driver.refusal());
        row.put("error", outcome.error());
        return row;
    }

    private static double millis(Histogram nanos, double percentile) {
        return nanos.getTotalCount() == 0
                ? Double.NaN
                : nanos.getValueAtPercentile(percentile) / MILLI;
    }
}
