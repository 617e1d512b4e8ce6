package dev.outboard.perf.poolperf;

import dev.outboard.host.cli.Subcommand;
import dev.outboard.host.cli.UsageException;
import dev.outboard.perf.measure.Progress;
import dev.outboard.perf.report.Json;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code outboard poolperf}: what the page pool is worth to a path that may not block. */
@Command(
        name = "poolperf",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        description =
                "Takes bursts of 64 pages, 100,000 pages a second, as a path that may not block,"
                        + " against a taker in a tight loop on another processor: counts refusals"
                        + " and times each page.")
public final class PoolPerfCommand implements Subcommand {
    private static final int ORDER = 63;
    private static final int EXIT_MISSED = 1;
    private static final double FEWEST_SECONDS = 0.1;
    private static final double MOST_SECONDS = 86_400;
    private static final int FEWEST_MIB = 16;
    private static final int MOST_MIB = 32_768;
    private static final int MIB_SHIFT = 20;

    @Option(
            names = "--seconds",
            paramLabel = "N",
            description = "How long. Default: ${DEFAULT-VALUE}.")
    private double seconds = 60;

    @Option(
            names = "--memory",
            paramLabel = "MIB",
            description =
                    "The memory that the pool is over, which sets its marks. Default:"
                            + " ${DEFAULT-VALUE}.")
    private int memoryMib = 1024;

    @Option(
            names = "--no-slow-down",
            description =
                    "Let the tight loop take as if it may not block either, to see what the"
                            + " back channel and the reserve are for.")
    private boolean unslowed;

    @Option(names = "--check", description = "Fail if anybody urgent is refused.")
    private boolean check;

    @Option(
            names = "--picture",
            paramLabel = "FILE.png",
            description = "Where to draw the levels over time. Default: nowhere.")
    private Path picture;

    @Option(names = "--json", description = "Print the figures as a JSON array of one object.")
    private boolean json;

    @Override
    public int order() {
        return ORDER;
    }

    @Override
    public Integer call() {
        requireValid();
        Picture.requireWritable(picture);
        PoolRun.Result result;
        try (var progress = Progress.start("poolperf", seconds, json)) {
            progress.step("taking pages", seconds);
            result = new PoolRun(seconds, (long) memoryMib << MIB_SHIFT, !unslowed).run();
        }
        if (picture != null) {
            Picture.draw(result, picture);
        }
        if (json) {
            System.out.print(Json.of(List.of(Figures.fields(result))));
        } else {
            Figures.lines(result).forEach(System.out::println);
            System.out.println(Figures.bar(result));
        }
        return check && !Figures.isMet(result) ? EXIT_MISSED : 0;
    }

    private void requireValid() {
        if (!(seconds >= FEWEST_SECONDS && seconds <= MOST_SECONDS)) {
            throw new UsageException(
                    "--seconds %s is not %s to %.0f"
                            .formatted(seconds, FEWEST_SECONDS, MOST_SECONDS));
        }
        if (memoryMib < FEWEST_MIB || memoryMib > MOST_MIB) {
            throw new UsageException(
                    "--memory %d is not %d to %d MiB".formatted(memoryMib, FEWEST_MIB, MOST_MIB));
        }
    }
}
