package dev.outboard.perf.versus;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Two hosts of the kernel's stack, joined by our drivers on TAPs and our switch, by DPDK in the
 * same shape, and by veth: TCP, UDP, what is added to a ping, and what is used while nothing is to
 * do.
 */
final class KernelPaths implements Comparison {
    private static final int OUR_NETWORK = 1;
    private static final int QUICK_PINGS = 100;
    private static final int PINGS = 2000;
    private static final String BITS = "Mbit/s";
    private static final double MEGA = 1e6;

    @Override
    public String name() {
        return "kernel";
    }

    @Override
    public List<Programs.Program> needs() {
        return List.of(
                Programs.IP, Programs.IPERF3, Programs.PING, Programs.TESTPMD, Programs.STDBUF);
    }

    @Override
    public double expectedSeconds(Effort effort) {
        int passes = effort.isQuick() ? 1 : effort.rounds();
        return passes * (6 + 3 * (2 * (effort.wholeSeconds() + 0.8) + pings(effort) / 400.0));
    }

    private static int pings(Effort effort) {
        return effort.isQuick() ? QUICK_PINGS : PINGS;
    }

    @Override
    public void measure(Bench bench, Figures figures) {
        for (int round = 0; round < bench.effort().rounds(); round++) {
            bench.progress().accept("TAPs, start " + (round + 1));
            try (var spaces = new Namespaces();
                    var veth = new VethPath(spaces);
                    var ours =
                            new OutboardPath(
                                    bench, spaces, OutboardPath.Kind.of("off"), OUR_NETWORK);
                    var dpdk = new TestpmdPath(bench, spaces)) {
                var peers = List.of(dpdk, veth);
                measure(new Seat(bench, spaces, ours, peers, round), figures);
            }
        }
    }

    /** Every path between the two hosts of a round. */
    private record Seat(
            Bench bench, Namespaces spaces, KernelPath ours, List<KernelPath> peers, int round) {
        /** Each once; ours first in one round and last in the next. */
        private <T> Map<KernelPath, T> each(
                String what, java.util.function.Function<KernelPath, T> measure) {
            var order = new ArrayList<KernelPath>(peers);
            order.add(round % 2 == 0 ? 0 : peers.size(), ours);
            var results = new LinkedHashMap<KernelPath, T>();
            for (var path : order) {
                bench.progress().accept(what + ", " + path.name());
                path.begin();
                try {
                    results.put(path, measure.apply(path));
                } finally {
                    path.rest();
                }
            }
            return results;
        }
    }

    private static void measure(Seat seat, Figures figures) {
        var effort = seat.bench.effort();
        // Finds the neighbour, and compiles.
        seat.each("first frames", path -> Ping.measure(seat.spaces, path, QUICK_PINGS));
        for (boolean isUdp : new boolean[] {false, true}) {
            var what = isUdp ? "iperf3 UDP" : "iperf3 TCP";
            var rates =
                    seat.each(
                            what,
                            path ->
                                    Iperf.bitsPerSecond(
                                            seat.spaces, path, isUdp, effort.wholeSeconds()));
            for (var peer : seat.peers) {
                figures.rate(
                        what,
                        peer.name(),
                        BITS,
                        rates.get(seat.ours) / MEGA,
                        rates.get(peer) / MEGA);
            }
        }
        var pings = seat.each("ping", path -> Ping.measure(seat.spaces, path, pings(effort)));
        var dpdk = seat.peers.getFirst();
        var base = pings.get(seat.peers.getLast());
        figures.cost(
                "ping, added to veth's p50",
                dpdk.name(),
                "us",
                pings.get(seat.ours).p50Micros() - base.p50Micros(),
                pings.get(dpdk).p50Micros() - base.p50Micros());
        figures.cost(
                "ping, added to veth's p99",
                dpdk.name(),
                "us",
                pings.get(seat.ours).p99Micros() - base.p99Micros(),
                pings.get(dpdk).p99Micros() - base.p99Micros());
        var idle = seat.each("no traffic", path -> idlePercent(path, effort));
        figures.cost(
                "processor, no traffic",
                dpdk.name(),
                "% of one",
                idle.get(seat.ours),
                idle.get(dpdk));
    }

    private static double idlePercent(KernelPath path, Effort effort) {
        double before = path.cpuNanos();
        long start = System.nanoTime();
        Programs.sleep(effort.millis());
        return 100 * (path.cpuNanos() - before) / (System.nanoTime() - start);
    }
}
