package dev.outboard.perf.versus;

import dev.outboard.perf.measure.ProcessCpu;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Round trips of a 64-byte frame, beside DPDK's by the same device or switch.
 *
 * <pre>
 *   direct     versus-trips, a device ── vhost-user ──┬── run virtio-net --forward
 *              that times, processor 0                └── testpmd on virtio-user, io
 *                                                         processor 1
 *
 *   two        net-load ── device nic ──┬── run virtio-net --forward
 *   drivers                             └── testpmd on virtio-user, macswap
 * </pre>
 *
 * <p>What differs in a pair is the driver that sends the frame back; the clock is the same, as DPDK
 * has no program that times a frame. Ours waits in three ways: it polls, it looks for a while and
 * then sleeps (as {@code run} does unless told otherwise), or it sleeps at once and is woken by the
 * interrupt. DPDK polls: testpmd knows no other way.
 */
final class RoundTripTimes implements Comparison {
    private static final int FRAME_BYTES = 64;
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final String DIRECT_PEER = "DPDK virtio-user, polling";
    private static final String SWITCHED_PEER = "the far one DPDK virtio-user, polling";
    private static final String NEAR_MAC = "02:00:00:00:00:01";
    private static final String FAR_MAC = "02:00:00:00:00:02";
    private static final String PEER_MAC = "02:00:00:00:00:04";
    private static final double MICRO = 1e3;

    /** How ours waits. */
    private enum Waiting {
        POLLING("polling", List.of("--poll")),
        ADAPTIVE("spin 10 us, then sleep", List.of()),
        INTERRUPT("interrupt", List.of("--spin-us", "0"));

        private final String text;
        private final List<String> words;

        Waiting(String text, List<String> words) {
            this.text = text;
            this.words = words;
        }
    }

    /**
     * What one driver took.
     *
     * @param percentiles in nanoseconds, by name
     * @param processorPercent of the driver's process, of one processor
     */
    private record Trips(Map<String, Double> percentiles, double processorPercent) {
        private double micros(String name) {
            return percentiles.get(name) / MICRO;
        }
    }

    @Override
    public String name() {
        return "roundtrip";
    }

    @Override
    public List<Programs.Program> needs() {
        return List.of(Programs.TESTPMD, Programs.STDBUF, Programs.TASKSET);
    }

    @Override
    public double expectedSeconds(Effort effort) {
        double run = (effort.warmMillis() + effort.millis()) / 1e3;
        return 2
                + effort.rounds()
                        * (5
                                + effort.compileMillis() / 1e3
                                + effort.pairs()
                                        * (6 + 3 * effort.compileMillis() / 1e3 + 6 * run));
    }

    @Override
    public void measure(Bench bench, Figures figures) {
        for (int round = 0; round < bench.effort().rounds(); round++) {
            direct(bench, figures, round);
            switched(bench, figures, round);
        }
    }

    /** Theirs once, beside each way that ours waits; each driver's process lives for its turn. */
    private static void direct(Bench bench, Figures figures, int round) {
        try (var device = new TripTimer(bench, Waiting.values().length + 1)) {
            for (int pair = 0; pair < bench.effort().pairs(); pair++) {
                var ours = new ArrayList<Trips>();
                var theirs = new ArrayList<Trips>();
                Bench.pair(
                        round + pair,
                        () -> {
                            for (var waiting : Waiting.values()) {
                                bench.progress().accept("round trips, " + waiting.text);
                                ours.add(ours(bench, device, waiting));
                            }
                        },
                        () -> {
                            bench.progress().accept("round trips, DPDK");
                            theirs.add(theirs(bench, device));
                        });
                for (var waiting : Waiting.values()) {
                    add(
                            figures,
                            "round trip 64 bytes, " + waiting.text,
                            DIRECT_PEER,
                            ours.get(waiting.ordinal()),
                            theirs.getFirst());
                }
            }
        }
    }

    private static Trips ours(Bench bench, TripTimer device, Waiting waiting) {
        int port = waiting.ordinal();
        var words = new ArrayList<>(forwarder(device.socket(port)));
        words.addAll(List.of("-o", "mode=io"));
        words.addAll(waiting.words);
        try (var driver = bench.start("our driver, " + waiting.text, words)) {
            driver.awaitReady(PATIENCE);
            device.during(port, bench.effort().compileMillis());
            Programs.pin(driver.pid(), Bench.DRIVER);
            device.pin(Bench.BACK_END);
            return timed(bench, device, port, driver.pid());
        }
    }

    private static Trips theirs(Bench bench, TripTimer device) {
        int port = Waiting.values().length;
        try (var driver =
                Testpmd.start(
                        "driver",
                        List.of(),
                        List.of(
                                "net_virtio_user0,"
                                        + Testpmd.virtioUser(device.socket(port), false)),
                        Bench.DRIVER)) {
            driver.forward("io", 0, FRAME_BYTES);
            device.during(port, bench.effort().compileMillis());
            device.pin(Bench.BACK_END);
            return timed(bench, device, port, driver.pid());
        }
    }

    private static Trips timed(Bench bench, TripTimer device, int port, long pid) {
        device.during(port, bench.effort().warmMillis());
        long start = System.nanoTime();
        var before = ProcessCpu.sample(pid);
        var percentiles = device.during(port, bench.effort().millis());
        var used = ProcessCpu.sample(pid).since(before);
        return new Trips(percentiles, used.percentOf(System.nanoTime() - start));
    }

    private static List<String> forwarder(Path socket) {
        return List.of(
                "run", "virtio-net", "--device", "vhost-user:" + socket, "--forward", "--json");
    }

    private static void add(Figures figures, String what, String peer, Trips ours, Trips theirs) {
        for (var part : List.of("p50", "p99", "p9999")) {
            figures.cost(
                    what + ", " + part.replace("p9999", "p99.99"),
                    peer,
                    "us",
                    ours.micros(part),
                    theirs.micros(part));
        }
        figures.cost(
                what + ", processor",
                peer,
                "% of one",
                ours.processorPercent,
                theirs.processorPercent);
    }

    /** Our drivers sleep between frames, and so does the switch: there may be two processors. */
    private static void switched(Bench bench, Figures figures, int round) {
        var what = "round trip 64 bytes between two drivers";
        bench.progress().accept(what);
        var sockets = new ArrayList<Path>();
        var device = new ArrayList<>(List.of("device", "nic", "--json"));
        for (var mac : List.of(NEAR_MAC, FAR_MAC, PEER_MAC)) {
            var socket = bench.place().path("s" + sockets.size());
            sockets.add(socket);
            device.add("--port");
            device.add(socket + ",mac=" + mac);
        }
        try (var nic = bench.start("the switch", device)) {
            nic.awaitReady(PATIENCE);
            try (var far = bench.start("the far driver", forwarder(sockets.get(1)));
                    var near = new LoadDriver(bench, "near", sockets.getFirst(), List.of());
                    var peer =
                            Testpmd.start(
                                    "far",
                                    List.of(),
                                    List.of(
                                            "net_virtio_user0,mac="
                                                    + PEER_MAC
                                                    + ","
                                                    + Testpmd.virtioUser(sockets.get(2), false)),
                                    Bench.BACK_END)) {
                far.awaitReady(PATIENCE);
                near.during(order(FAR_MAC), bench.effort().compileMillis());
                for (int pair = 0; pair < bench.effort().pairs(); pair++) {
                    var both = new Trips[2];
                    Bench.pair(
                            round + pair,
                            () -> both[0] = trips(bench, near, FAR_MAC, far.pid()),
                            () -> {
                                peer.forward("macswap", 0, FRAME_BYTES);
                                both[1] = trips(bench, near, PEER_MAC, peer.pid());
                                peer.stop();
                            });
                    add(figures, what, SWITCHED_PEER, both[0], both[1]);
                }
            }
        }
    }

    private static String order(String to) {
        return "trips size=" + FRAME_BYTES + " to=" + to;
    }

    private static Trips trips(Bench bench, LoadDriver near, String to, long farPid) {
        near.during(order(to), bench.effort().warmMillis());
        long start = System.nanoTime();
        var before = ProcessCpu.sample(farPid);
        var percentiles = near.during(order(to), bench.effort().millis());
        var used = ProcessCpu.sample(farPid).since(before);
        return new Trips(percentiles, used.percentOf(System.nanoTime() - start));
    }
}
