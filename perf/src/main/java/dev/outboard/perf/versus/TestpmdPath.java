package dev.outboard.perf.versus;

import dev.outboard.perf.measure.ProcessCpu;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * DPDK's in the same shape: TAP and virtio-user for each namespace, and the vhost back-end between
 * them. Both hosts' drivers are one program with one thread, so that on two processors nobody who
 * polls waits for another: the best that DPDK can do there.
 *
 * <pre>
 *   processor 1                          processor 0
 *   a: TAP ── net_tap0, virtio_user0 ──┐
 *                            vhost-user├── vhost0, vhost1
 *   b: TAP ── net_tap1, virtio_user1 ──┘
 * </pre>
 */
final class TestpmdPath extends KernelPath {
    private static final int NETWORK = 2;

    private final Deque<Testpmd> programs = new ArrayDeque<>();

    TestpmdPath(Bench bench, Namespaces spaces) {
        super("DPDK virtio-user on net_tap, dpdk-testpmd between", NETWORK);
        var left = bench.place().path("d0");
        var right = bench.place().path("d1");
        try {
            programs.push(
                    Testpmd.start(
                            "between",
                            List.of(),
                            List.of(
                                    "net_vhost0," + Testpmd.vhost(left),
                                    "net_vhost1," + Testpmd.vhost(right)),
                            Bench.BACK_END));
            // Ports are numbered as they are named here, and forwarded in pairs.
            programs.push(
                    Testpmd.start(
                            "drivers",
                            Namespaces.in(spaces.left()),
                            List.of(
                                    "net_tap0,iface=obd0",
                                    "net_virtio_user0," + Testpmd.virtioUser(left, false),
                                    "net_tap1,iface=obd1",
                                    "net_virtio_user1," + Testpmd.virtioUser(right, false)),
                            Bench.DRIVER));
            Namespaces.move(spaces.left(), "obd1", spaces.right());
            Namespaces.dress(spaces.left(), "obd0", leftAddress());
            Namespaces.dress(spaces.right(), "obd1", rightAddress());
        } catch (RuntimeException failure) {
            close();
            throw failure;
        }
    }

    @Override
    void begin() {
        programs.forEach(program -> program.forward("io"));
    }

    @Override
    void rest() {
        programs.forEach(Testpmd::stop);
    }

    @Override
    double cpuNanos() {
        double nanos = 0;
        for (var program : programs) {
            var sample = ProcessCpu.sample(program.pid());
            nanos += sample == null ? Double.NaN : sample.runNanos();
        }
        return nanos;
    }

    @Override
    public void close() {
        while (!programs.isEmpty()) {
            programs.pop().close();
        }
    }
}
