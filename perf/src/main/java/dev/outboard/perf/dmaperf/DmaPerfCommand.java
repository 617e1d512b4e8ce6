package dev.outboard.perf.dmaperf;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.StopRequest;
import dev.outboard.host.cli.Subcommand;
import dev.outboard.perf.measure.Progress;
import dev.outboard.perf.report.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code outboard dmaperf}: what a mapping costs. */
@Command(
        name = "dmaperf",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        description =
                "Measures what mapping and unmapping cost, for every table format, strategy and"
                        + " owner of the IOMMU, and what each leaves open. Quiet the machine"
                        + " first.")
public final class DmaPerfCommand implements Subcommand {
    private static final int ORDER = 62;
    private static final int EXIT_MISSED = 1;

    @Mixin private Selection selection;

    @Option(names = "--check", description = "Judge the figures by their bars; a miss fails.")
    private boolean check;

    @Option(
            names = "--picture",
            paramLabel = "FILE.png",
            description = "Where to draw the figures. Default: nowhere.")
    private java.nio.file.Path picture;

    @Option(names = "--json", description = "Print the figures as a JSON array.")
    private boolean json;

    @Override
    public int order() {
        return ORDER;
    }

    @Override
    public Integer call() {
        Picture.requireWritable(picture);
        var rows = runAll(Plan.of(selection));
        if (picture != null) {
            Picture.draw(rows, picture);
        }
        var bars = Bar.judge(rows);
        if (json) {
            System.out.print(Json.of(rows));
        } else {
            Rows.table(rows).forEach(System.out::println);
            System.out.println();
            (check ? bars : bars.stream().filter(Bar::isMeasured).toList())
                    .forEach(bar -> System.out.println(bar.describe()));
        }
        return check && !bars.stream().allMatch(Bar::isMet) ? EXIT_MISSED : 0;
    }

    private List<Map<String, Object>> runAll(Plan plan) {
        var stop = StopRequest.ofProcess();
        var rows = new ArrayList<Map<String, Object>>();
        double seconds = plan.groups().stream().mapToDouble(plan::seconds).sum();
        var run = new GroupRun(plan, stop);
        try (var progress = Progress.start("dmaperf", seconds, json)) {
            for (var group : plan.groups()) {
                progress.step(group.title(), plan.seconds(group));
                rows.addAll(run.run(group));
            }
        } catch (RuntimeException e) {
            if (stop.isStopping()) {
                throw new CommandException("stopped before it was done", e);
            }
            throw e;
        }
        return rows;
    }
}
