package dev.outboard.perf.physperf;

import dev.outboard.host.cli.StopRequest;
import dev.outboard.host.cli.Subcommand;
import dev.outboard.perf.measure.Progress;
import dev.outboard.perf.setup.Names;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code outboard physperf}: what looking a page frame up costs. */
@Command(
        name = "physperf",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        description =
                "Measures what looking a page frame up costs, in each structure that holds physical"
                        + " segments: 100 to 100 million look-ups, and after memory was"
                        + " fragmented. Quiet the machine first.")
public final class PhysPerfCommand implements Subcommand {
    private static final int ORDER = 63;
    private static final int EXIT_MISSED = 1;
    private static final int RUNS = 20;
    private static final int QUICK_RUNS = 3;
    private static final int MOST_RUNS = 1000;
    private static final int MOST_CAPACITY = 1 << 20;

    @Option(
            names = "--structure",
            paramLabel = "NAME,...",
            description =
                    "Only these: sorted-array, red-black, directory (which is shipped). Default:"
                            + " all.")
    private String structures;

    @Option(
            names = "--test",
            paramLabel = "NAME,...",
            description =
                    "Only these: 100, 1K, 10K, 100K, 1M, 10M, 100M look-ups; 1MiB, 64MiB, 128MiB,"
                            + " 256MiB, 4GiB of fragmented memory. Default: all.")
    private String tests;

    @Option(
            names = "--runs",
            paramLabel = "N",
            description = "Runs of each test. Default: 20, with --quick 3.")
    private String runs;

    @Option(
            names = "--array-capacity",
            paramLabel = "N",
            defaultValue = "131072",
            description =
                    "Room of the sorted array, which measures no test with more segments. The"
                            + " paper's is 32. Default: ${DEFAULT-VALUE}, as many as the largest"
                            + " test has.")
    private String arrayCapacity;

    @Option(
            names = "--quick",
            description =
                    "Fewer runs, and 2 million look-ups in fragmented memory instead of 10: less"
                            + " than half a minute.")
    private boolean quick;

    @Option(names = "--check", description = "Judge the figures by their bars; a miss fails.")
    private boolean check;

    @Option(
            names = "--picture",
            paramLabel = "DIR",
            description = "Draw figure1.png to figure3.png in this folder. Default: nowhere.")
    private Path picture;

    @Option(names = "--json", description = "Print the figures as a JSON array.")
    private boolean json;

    @Override
    public int order() {
        return ORDER;
    }

    @Override
    public Integer call() {
        var plan = plan();
        Pictures.requireWritable(picture);
        var measuring = new Measuring(plan, StopRequest.ofProcess());
        List<Figure> figures;
        double seconds = plan.tests().stream().mapToDouble(plan::seconds).sum();
        try (var progress = Progress.start("physperf", seconds, json)) {
            figures = measuring.run(progress);
        }
        if (picture != null) {
            Pictures.draw(figures, picture);
        }
        var bars = Bar.judge(figures);
        if (json) {
            System.out.print(Tables.toJson(figures));
        } else {
            print(figures, measuring.notes(), bars);
        }
        return check && !bars.stream().allMatch(Bar::isMet) ? EXIT_MISSED : 0;
    }

    private Plan plan() {
        return new Plan(
                structures == null
                        ? List.of(Structure.values())
                        : Names.list(
                                "--structure",
                                structures,
                                name -> Names.constant(Structure.class, "--structure", name)),
                tests == null
                        ? LoadTest.all(quick)
                        : Names.list("--test", tests, name -> LoadTest.named(name, quick)),
                runs == null
                        ? quick ? QUICK_RUNS : RUNS
                        : Names.number("--runs", runs, 1, MOST_RUNS),
                Names.number("--array-capacity", arrayCapacity, 1, MOST_CAPACITY),
                quick);
    }

    private void print(List<Figure> figures, List<String> notes, List<Bar> bars) {
        Tables.of(figures).forEach(System.out::println);
        notes.forEach(System.out::println);
        (check ? bars : bars.stream().filter(Bar::isMeasured).toList())
                .forEach(bar -> System.out.println(bar.describe()));
    }
}
