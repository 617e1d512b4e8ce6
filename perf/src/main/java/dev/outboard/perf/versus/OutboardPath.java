package dev.outboard.perf.versus;

import dev.outboard.host.process.OutboardProcess;
import dev.outboard.perf.measure.ProcessCpu;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Ours: a driver on a TAP in each namespace, and the switch between them.
 *
 * <pre>
 *   a: TAP ── run net --tap ──┐
 *                 vhost-user  ├── device nic
 *   b: TAP ── run net --tap ──┘
 * </pre>
 */
final class OutboardPath extends KernelPath {
    private static final String OFF = "off";
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final Deque<OutboardProcess> processes = new ArrayDeque<>();

    /**
     * How the drivers are run.
     *
     * @param name for rows and messages
     * @param strategy of the mapping service, or {@code off}
     * @param offloads whether kernel and device may leave sums and segments to each other
     */
    record Kind(String name, String strategy, boolean offloads) {
        static Kind of(String strategy) {
            var name = strategy.equals(OFF) ? "ours" : "ours, IOMMU " + strategy;
            return new Kind(name, strategy, true);
        }

        /** Everything is summed and cut by the kernel. */
        static Kind summed() {
            return new Kind("ours, no offloads", OFF, false);
        }

        private boolean isProtected() {
            return !strategy.equals(OFF);
        }
    }

    /**
     * Starts all of it, and waits until it is up.
     *
     * @param network tells its addresses from those of others
     */
    OutboardPath(Bench bench, Namespaces spaces, Kind kind, int network) {
        super(kind.name, network);
        var key = "k" + network;
        try {
            var device = new ArrayList<>(List.of("device", "nic", "--json"));
            for (int side = 0; side < 2; side++) {
                var port = bench.place().path(key + side).toString();
                device.addAll(
                        List.of(
                                "--port",
                                kind.isProtected() ? port + ",iommu=" + port + "i" : port));
            }
            processes.push(bench.start("the switch", device));
            processes.peek().awaitReady(PATIENCE);
            drive(bench, spaces.left(), kind, key + 0);
            drive(bench, spaces.right(), kind, key + 1);
            var right = processes.pop();
            processes.peek().awaitReady(PATIENCE);
            right.awaitReady(PATIENCE);
            processes.push(right);
            Namespaces.dress(spaces.left(), "ob" + key + 0, leftAddress());
            Namespaces.dress(spaces.right(), "ob" + key + 1, rightAddress());
        } catch (RuntimeException failure) {
            close();
            throw failure;
        }
    }

    private void drive(Bench bench, String namespace, Kind kind, String key) {
        var port = bench.place().path(key);
        var words =
                new ArrayList<>(
                        List.of(
                                "run",
                                "virtio-net",
                                "--device",
                                "vhost-user:" + port,
                                "--tap",
                                "ob" + key,
                                "--strategy",
                                kind.strategy,
                                "-o",
                                "offloads=" + (kind.offloads ? "on" : "off"),
                                "--json"));
        if (kind.isProtected()) {
            words.addAll(List.of("--iommu", "unix:" + port + "i"));
        }
        processes.push(
                bench.place().startBy("the driver on " + key, Namespaces.in(namespace), words));
    }

    @Override
    double cpuNanos() {
        double nanos = 0;
        for (var process : processes) {
            var sample = ProcessCpu.sample(process.pid());
            nanos += sample == null ? Double.NaN : sample.runNanos();
        }
        return nanos;
    }

    @Override
    public void close() {
        while (!processes.isEmpty()) {
            processes.pop().close();
        }
    }
}
