package dev.outboard.perf.versus;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Round trips of a 64-byte frame, beside DPDK's by the same back-end or switch.
 *
 * <pre>
 *   direct     run virtio-net, net-load ──┐
 *                               vhost-user├── testpmd's vhost, which sends every frame back
 *              rtt.c on virtio-user ──────┘
 *
 *   two        net-load ──── device nic ──── run virtio-net, forward
 *   drivers    rtt.c ─────── device nic ──── testpmd on virtio-user, macswap
 * </pre>
 *
 * <p>Ours waits in three ways: it polls, it looks for a while and then sleeps (as {@code run} does
 * unless told otherwise), or it sleeps at once and is woken by the interrupt. DPDK polls: testpmd
 * knows no other way.
 */
final class RoundTripTimes implements Comparison {
    private static final int FRAME_BYTES = 64;
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final String DIRECT_PEER = "DPDK virtio-user, polling, on dpdk-testpmd";
    private static final String SWITCHED_PEER = "two DPDK virtio-user, polling, on our switch";
    private static final String EVERYONE = "ff:ff:ff:ff:ff:ff";
    private static final String NEAR_MAC = "02:00:00:00:00:01";
    private static final String FAR_MAC = "02:00:00:00:00:02";
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

    @Override
    public String name() {
        return "roundtrip";
    }

    @Override
    public List<Programs.Program> needs() {
        return List.of(
                Programs.TESTPMD,
                Programs.STDBUF,
                Programs.TASKSET,
                Programs.CC,
                Programs.PKG_CONFIG);
    }

    @Override
    public double expectedSeconds(Effort effort) {
        double run = (effort.warmMillis() + effort.millis()) / 1e3;
        return 2
                + effort.rounds()
                        * (6 + 4 * effort.compileMillis() / 1e3 + effort.pairs() * (6 * run + 2));
    }

    @Override
    public void measure(Bench bench, Figures figures) {
        var program = new RoundTripProgram(bench);
        for (int round = 0; round < bench.effort().rounds(); round++) {
            direct(bench, figures, program, round);
            switched(bench, figures, program, round);
        }
    }

    private static void direct(Bench bench, Figures figures, RoundTripProgram program, int round) {
        var devices = new ArrayList<String>();
        for (int port = 0; port <= Waiting.values().length; port++) {
            devices.add("net_vhost" + port + "," + Testpmd.vhost(direct(bench, port)));
        }
        var places = new ArrayList<LoadDriver.Place>();
        for (var waiting : Waiting.values()) {
            int port = waiting.ordinal();
            places.add(new LoadDriver.Place("rtt" + port, direct(bench, port), waiting.words));
        }
        try (var backEnd = Testpmd.start("back-end", List.of(), devices, Bench.BACK_END);
                var ours = LoadDriver.startAll(bench, places)) {
            for (var waiting : Waiting.values()) {
                var driver = ours.get(waiting.ordinal());
                backEnd.forward("io", waiting.ordinal(), FRAME_BYTES);
                driver.during(order(EVERYONE), bench.effort().compileMillis());
                driver.pin(Bench.DRIVER);
                backEnd.stop();
            }
            for (int pair = 0; pair < bench.effort().pairs(); pair++) {
                pair(bench, figures, program, backEnd, ours, round + pair);
            }
        }
    }

    /** Theirs once, beside each way that ours waits. */
    private static void pair(
            Bench bench,
            Figures figures,
            RoundTripProgram program,
            Testpmd backEnd,
            LoadDriver.All ours,
            int number) {
        var counted = new ArrayList<Map<String, Double>>();
        var theirs = new ArrayList<Map<String, Double>>();
        Bench.pair(
                number,
                () -> {
                    for (var waiting : Waiting.values()) {
                        bench.progress().accept("round trips, " + waiting.text);
                        int port = waiting.ordinal();
                        counted.add(ours(bench, backEnd, ours.get(port), port));
                    }
                },
                () -> {
                    bench.progress().accept("round trips, DPDK");
                    theirs.add(theirs(bench, backEnd, program));
                });
        for (var waiting : Waiting.values()) {
            add(
                    figures,
                    "round trip 64 bytes, " + waiting.text,
                    DIRECT_PEER,
                    List.of(counted.get(waiting.ordinal()), theirs.getFirst()));
        }
    }

    private static Path direct(Bench bench, int port) {
        return bench.place().path("r" + port);
    }

    private static String order(String to) {
        return "trips size=" + FRAME_BYTES + " to=" + to;
    }

    private static Map<String, Double> ours(
            Bench bench, Testpmd backEnd, LoadDriver driver, int port) {
        backEnd.forward("io", port, FRAME_BYTES);
        var figures = driver.during(order(EVERYONE), bench.effort().millis());
        backEnd.stop();
        return figures;
    }

    private static Map<String, Double> theirs(
            Bench bench, Testpmd backEnd, RoundTripProgram program) {
        int port = Waiting.values().length;
        backEnd.forward("io", port, FRAME_BYTES);
        var figures = program.run(bench.effort(), direct(bench, port), FRAME_BYTES, EVERYONE);
        backEnd.stop();
        return figures;
    }

    private static void add(
            Figures figures, String what, String peer, List<Map<String, Double>> both) {
        for (var part : List.of("p50", "p99", "p9999")) {
            figures.cost(
                    what + ", " + part.replace("p9999", "p99.99"),
                    peer,
                    "us",
                    both.getFirst().get(part) / MICRO,
                    both.getLast().get(part) / MICRO);
        }
        figures.cost(
                what + ", processor",
                peer,
                "% of one",
                percent(both.getFirst()),
                percent(both.getLast()));
    }

    private static double percent(Map<String, Double> figures) {
        return 100 * figures.get("cpuNanos") / figures.get("nanos");
    }

    /** Both drivers sleep between frames, and so does the switch: there may be two processors. */
    private static void switched(
            Bench bench, Figures figures, RoundTripProgram program, int round) {
        var what = "round trip 64 bytes between two drivers";
        bench.progress().accept(what);
        var sockets = new ArrayList<Path>();
        var device = new ArrayList<>(List.of("device", "nic", "--json"));
        for (int port = 0; port < 4; port++) {
            var socket = bench.place().path("s" + port);
            sockets.add(socket);
            device.add("--port");
            device.add(
                    socket + (port == 0 ? ",mac=" + NEAR_MAC : port == 1 ? ",mac=" + FAR_MAC : ""));
        }
        try (var nic = bench.start("the switch", device)) {
            nic.awaitReady(PATIENCE);
            var reflector =
                    List.of(
                            "run",
                            "virtio-net",
                            "--device",
                            "vhost-user:" + sockets.get(1),
                            "--forward",
                            "--json");
            try (var far = bench.start("the far driver", reflector);
                    var near = new LoadDriver(bench, "near", sockets.get(0), List.of());
                    var peer =
                            Testpmd.start(
                                    "far",
                                    List.of(),
                                    List.of(
                                            "net_virtio_user0,mac=02:00:00:00:00:04,"
                                                    + Testpmd.virtioUser(sockets.get(3), false)),
                                    Bench.BACK_END)) {
                far.awaitReady(PATIENCE);
                near.during(order(FAR_MAC), bench.effort().compileMillis());
                for (int pair = 0; pair < bench.effort().pairs(); pair++) {
                    var both = new ArrayList<Map<String, Double>>(List.of(Map.of(), Map.of()));
                    Bench.pair(
                            round + pair,
                            () -> both.set(0, near.during(order(FAR_MAC), bench.effort().millis())),
                            () -> {
                                peer.forward("macswap", 0, FRAME_BYTES);
                                both.set(
                                        1,
                                        program.run(
                                                bench.effort(),
                                                sockets.get(2),
                                                FRAME_BYTES,
                                                "02:00:00:00:00:04"));
                                peer.stop();
                            });
                    add(figures, what, SWITCHED_PEER, both);
                }
            }
        }
    }
}
