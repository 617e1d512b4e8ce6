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
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final Deque<OutboardProcess> processes = new ArrayDeque<>();

    /**
     * @param strategy of the mapping service, or {@code off}
     * @param network tells its addresses from those of others
     */
    OutboardPath(Bench bench, Namespaces spaces, String strategy, int network) {
        super(strategy.equals("off") ? "ours" : "ours, IOMMU " + strategy, network);
        var key = "k" + network;
        try {
            var device = new ArrayList<>(List.of("device", "nic", "--json"));
            for (int side = 0; side < 2; side++) {
                var port = bench.place().path(key + side).toString();
                device.addAll(
                        List.of(
                                "--port",
                                strategy.equals("off") ? port : port + ",iommu=" + port + "i"));
            }
            processes.push(bench.start("the switch", device));
            processes.peek().awaitReady(PATIENCE);
            drive(bench, spaces.left(), strategy, key + 0);
            drive(bench, spaces.right(), strategy, key + 1);
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

    private void drive(Bench bench, String namespace, String strategy, String key) {
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
                                strategy,
                                "--json"));
        if (!strategy.equals("off")) {
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
