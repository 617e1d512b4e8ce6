package dev.outboard.perf.versus;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.StopRequest;
import dev.outboard.host.cli.UsageException;
import dev.outboard.perf.measure.Progress;
import dev.outboard.perf.setup.Workplace;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Runs the comparisons that were asked for and whose peers are installed. One thread. */
final class NetworkVersus {
    private static final int LEAST_PROCESSORS = 2;

    /** A quick run takes less than 50, with its start and its end. */
    private static final double QUICK_SECONDS = 47;

    private final long startNanos = System.nanoTime();
    private final Effort effort;
    private final boolean isForMachines;

    NetworkVersus(Effort effort, boolean isForMachines) {
        this.effort = effort;
        this.isForMachines = isForMachines;
    }

    /**
     * Measures.
     *
     * @param only part of the names of what is compared; everything where it is empty
     * @throws CommandException if nothing can be measured
     */
    Figures run(String only) {
        if (Runtime.getRuntime().availableProcessors() < LEAST_PROCESSORS) {
            throw new CommandException("needs two processors: one for each end");
        }
        if (!Testpmd.hasHugePages() && Programs.TESTPMD.isThere()) {
            System.err.println(
                    "no huge pages: DPDK runs without them and is slower; for its best reserve some"
                            + " (sysctl vm.nr_hugepages=256)");
        }
        var chosen = installed(chosen(only));
        var figures = new Figures();
        double seconds = chosen.stream().mapToDouble(one -> one.expectedSeconds(effort)).sum();
        try (var progress = Progress.start("versus net", seconds, isForMachines)) {
            for (var one : chosen) {
                if (isTooLate(one, figures)) {
                    System.err.printf(
                            "left out: %s: it would take longer than quick allows; take it"
                                    + " alone: --only %s%n",
                            one.name(), one.name());
                } else {
                    measure(one, progress, figures);
                }
            }
        }
        return figures;
    }

    /** What is quick keeps to its time; what is measured first is measured anyway. */
    private boolean isTooLate(Comparison one, Figures figures) {
        double seconds = (System.nanoTime() - startNanos) / 1e9;
        return effort.isQuick()
                && !figures.isEmpty()
                && seconds + one.expectedSeconds(effort) > QUICK_SECONDS;
    }

    private void measure(Comparison one, Progress progress, Figures figures) {
        progress.step(one.name(), one.expectedSeconds(effort));
        try (var place = new Workplace("versus", StopRequest.ofProcess())) {
            one.measure(new Bench(place, effort, progress::tell), figures);
        }
    }

    private static List<Comparison> chosen(String only) {
        var all = NetworkComparisons.all();
        var wanted = only.toLowerCase(Locale.ROOT);
        var chosen = all.stream().filter(one -> one.name().contains(wanted)).toList();
        if (chosen.isEmpty()) {
            throw new UsageException(
                    "--only %s: there is %s"
                            .formatted(
                                    only,
                                    all.stream()
                                            .map(Comparison::name)
                                            .collect(Collectors.joining(", "))));
        }
        return chosen;
    }

    /** Those that can run; what the others lack is named. */
    private static List<Comparison> installed(List<Comparison> chosen) {
        var able = new ArrayList<Comparison>();
        var lacks = new ArrayList<String>();
        for (var one : chosen) {
            var missing = one.needs().stream().filter(program -> !program.isThere()).toList();
            if (missing.isEmpty()) {
                able.add(one);
            } else {
                lacks.add(
                        "left out: %s: %s"
                                .formatted(
                                        one.name(),
                                        missing.stream()
                                                .map(Programs.Program::complaint)
                                                .collect(Collectors.joining("; "))));
            }
        }
        lacks.forEach(System.err::println);
        if (able.isEmpty()) {
            throw new CommandException("there is nothing to compare with: " + lacks.getFirst());
        }
        return able;
    }
}
