package dev.outboard.perf.versus;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;

/**
 * What an IOMMU costs the kernel's own stack: iperf3 over TAPs, two drivers and our switch, with
 * each strategy beside no IOMMU.
 */
final class KernelTax implements Comparison {
    private static final String OFF = "off";
    private static final List<String> STRATEGIES = List.of("deferred", "batched", "strict");
    private static final List<String> QUICK_STRATEGIES = List.of("strict");
    private static final int FIRST_NETWORK = 20;
    private static final int QUICK_PINGS = 40;
    private static final double MEGA = 1e6;
    private static final double BITS_PER_KIB = 8 * 1024.0;

    @Override
    public String name() {
        return "iommu-tap";
    }

    @Override
    public List<Programs.Program> needs() {
        return List.of(Programs.IP, Programs.IPERF3, Programs.PING);
    }

    @Override
    public double expectedSeconds(Effort effort) {
        int settings = 1 + strategies(effort).size();
        return effort.rounds() * (2 + settings * (2.2 + effort.wholeSeconds()));
    }

    private static List<String> strategies(Effort effort) {
        return effort.isQuick() ? QUICK_STRATEGIES : STRATEGIES;
    }

    /** What came of one setting. */
    private record Outcome(double bitsPerSecond, double cpuNanosPerKib) {}

    @Override
    public void measure(Bench bench, Figures figures) {
        for (int round = 0; round < bench.effort().rounds(); round++) {
            bench.progress().accept("TAPs and IOMMU strategies, start " + (round + 1));
            try (var spaces = new Namespaces();
                    var paths = new Paths(bench, spaces)) {
                measure(bench, spaces, paths, figures, round);
            }
        }
    }

    /** A path for each setting, the first of them without an IOMMU. */
    private static final class Paths implements AutoCloseable {
        private final LinkedHashMap<String, OutboardPath> bySetting = new LinkedHashMap<>();

        Paths(Bench bench, Namespaces spaces) {
            var settings = new ArrayList<>(List.of(OFF));
            settings.addAll(strategies(bench.effort()));
            try {
                for (var setting : settings) {
                    int network = FIRST_NETWORK + bySetting.size();
                    var kind = OutboardPath.Kind.of(setting);
                    bySetting.put(setting, new OutboardPath(bench, spaces, kind, network));
                }
            } catch (RuntimeException failure) {
                close();
                throw failure;
            }
        }

        @Override
        public void close() {
            bySetting.values().forEach(OutboardPath::close);
        }
    }

    private static void measure(
            Bench bench, Namespaces spaces, Paths paths, Figures figures, int round) {
        var order = new ArrayList<>(paths.bySetting.keySet());
        if (round % 2 != 0) {
            Collections.reverse(order);
        }
        var outcomes = new LinkedHashMap<String, Outcome>();
        for (var setting : order) {
            bench.progress().accept("iperf3 TCP, IOMMU " + setting);
            outcomes.put(setting, outcome(bench, spaces, paths.bySetting.get(setting)));
        }
        var off = outcomes.get(OFF);
        for (var strategy : strategies(bench.effort())) {
            var what = "iperf3 TCP over TAPs, IOMMU " + strategy;
            var outcome = outcomes.get(strategy);
            figures.rate(
                    what,
                    "ours, IOMMU off",
                    "Mbit/s",
                    outcome.bitsPerSecond / MEGA,
                    off.bitsPerSecond / MEGA);
            figures.cost(
                    what + ", processor",
                    "ours, IOMMU off",
                    "ns/KiB",
                    outcome.cpuNanosPerKib,
                    off.cpuNanosPerKib);
        }
    }

    /** Of both drivers and the switch, with what their compilers run. */
    private static Outcome outcome(Bench bench, Namespaces spaces, OutboardPath path) {
        // Finds the neighbour, and compiles.
        Ping.measure(spaces, path, QUICK_PINGS);
        int seconds = bench.effort().wholeSeconds();
        if (!bench.effort().isQuick()) {
            Iperf.bitsPerSecond(spaces, path, false, 1);
        }
        double before = path.cpuNanos();
        double rate = Iperf.bitsPerSecond(spaces, path, false, seconds);
        double cpu = path.cpuNanos() - before;
        return new Outcome(rate, cpu / (rate * seconds / BITS_PER_KIB));
    }
}
