package dev.outboard.perf.nvmeperf;

import dev.outboard.dma.Strategy;
import dev.outboard.host.cli.StopRequest;
import dev.outboard.host.cli.Subcommand;
import dev.outboard.host.cli.UsageException;
import dev.outboard.perf.measure.Progress;
import dev.outboard.perf.report.Json;
import dev.outboard.perf.report.TextTable;
import dev.outboard.perf.setup.Names;
import dev.outboard.perf.setup.Workplace;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code outboard nvmeperf}: reads a second by our NVMe driver from our NVMe controller. */
@Command(
        name = "nvmeperf",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        description =
                "Random reads of 4 KiB by the NVMe driver from an NVMe controller in another"
                        + " process, over vfio-user, each polling on a processor of its own:"
                        + " without protection, and with every owner and strategy asked for.")
public final class NvmePerfCommand implements Subcommand {
    private static final int ORDER = 64;
    private static final double QUICK_SECONDS = 1;
    private static final double MOST_SECONDS = 3600;
    private static final int MOST_DEPTH = 255;
    private static final TextTable TABLE =
            new TextTable(
                    List.of(
                            "owner",
                            "strategy",
                            "depth",
                            "reads/s",
                            "p50 us",
                            "p99.9 us",
                            "B/read",
                            "waited ms"),
                    Set.of(0, 1));

    @Option(
            names = "--owners",
            paramLabel = "LIST",
            description =
                    "Who keeps translations: none (all of memory mapped once), device (DMA_MAP),"
                            + " driver (an emulated IOMMU). Default: all.")
    private String owners = "none,device,driver";

    @Option(
            names = "--strategies",
            paramLabel = "LIST",
            description = "Strategies of the owners but none. Default: ${DEFAULT-VALUE}.")
    private String strategies = "strict,deferred,cached,copied";

    @Option(
            names = "--depths",
            paramLabel = "LIST",
            description = "Reads under way at a time. Default: ${DEFAULT-VALUE}.")
    private String depths = "1,32,128";

    @Option(
            names = "--seconds",
            paramLabel = "N",
            description = "For each depth, after as long a warm-up. Default: ${DEFAULT-VALUE}.")
    private double seconds = 3;

    @Option(
            names = "--doorbells",
            paramLabel = "mapped|shadowed",
            description = "As for device nvme. Default: ${DEFAULT-VALUE}.")
    private String doorbells = "mapped";

    @Option(names = "--quick", description = "One second each, strict alone of the strategies.")
    private boolean quick;

    @Option(names = "--json", description = "Print the figures as a JSON array.")
    private boolean json;

    @Override
    public int order() {
        return ORDER;
    }

    @Override
    public Integer call() {
        if (!(seconds >= 0.1 && seconds <= MOST_SECONDS)) {
            throw new UsageException(
                    "--seconds %s is not 0.1 to %.0f".formatted(seconds, MOST_SECONDS));
        }
        if (!List.of("mapped", "shadowed").contains(doorbells)) {
            throw new UsageException("--doorbells '" + doorbells + "': take mapped or shadowed");
        }
        var cases = cases();
        var rows = new ArrayList<Map<String, Object>>();
        var list =
                Names.list(
                        "--depths", depths, item -> Names.number("--depths", item, 1, MOST_DEPTH));
        try (var workplace = new Workplace("nvme", StopRequest.ofProcess())) {
            var run = new NvmeRun(workplace, list, quick ? QUICK_SECONDS : seconds, doorbells);
            double all = cases.size() * run.expectedSeconds();
            try (var progress = Progress.start("nvmeperf", all, json)) {
                for (var one : cases) {
                    progress.step(one.toString(), run.expectedSeconds());
                    rows.addAll(run.run(one));
                }
            }
        }
        if (json) {
            System.out.print(Json.of(rows));
        } else {
            TABLE.format(rows.stream().map(NvmePerfCommand::cells).toList())
                    .forEach(System.out::println);
        }
        return 0;
    }

    private List<Case> cases() {
        return Case.of(
                Names.list(
                        "--owners",
                        owners,
                        item -> Names.constant(Case.Keeper.class, "--owners", item)),
                quick
                        ? List.of(Strategy.STRICT)
                        : Names.list(
                                "--strategies",
                                strategies,
                                item -> Names.constant(Strategy.class, "--strategies", item)));
    }

    private static List<String> cells(Map<String, Object> row) {
        return List.of(
                String.valueOf(row.get("owner")),
                String.valueOf(row.get("strategy")),
                String.valueOf(row.get("depth")),
                TextTable.number("%,.0f", figure(row, "operationsPerSecond")),
                TextTable.number("%.2f", figure(row, "latencyP50Nanos") / 1e3),
                TextTable.number("%.2f", figure(row, "latencyP999Nanos") / 1e3),
                TextTable.number("%.2f", figure(row, "allocatedBytesPerRequest")),
                TextTable.number("%.0f", figure(row, "waitedMillis")));
    }

    private static double figure(Map<String, Object> row, String name) {
        return row.get(name) instanceof Number number ? number.doubleValue() : Double.NaN;
    }
}
