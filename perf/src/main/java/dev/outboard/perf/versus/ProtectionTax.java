package dev.outboard.perf.versus;

import dev.outboard.host.process.OutboardProcess;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What an IOMMU costs: frames from one driver of ours through our switch to another, with
 * strategies beside none, in frames a second and in processor time of both drivers.
 *
 * <pre>
 *   off       net-load ── send ──► device nic ──► net-load, receive
 *   deferred  the same, both behind IOMMUs of their own processes; batched, strict likewise
 * </pre>
 *
 * <p>All processes are alive; those of one setting are at work at a time.
 */
final class ProtectionTax implements Comparison {
    private static final String OFF = "off";
    private static final List<String> STRATEGIES = List.of("deferred", "batched", "strict");
    private static final int[] SIZES = {64, 1500};
    private static final long ANNOUNCE_MILLIS = 20;
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final String PEER = "ours, IOMMU off";

    @Override
    public String name() {
        return "iommu";
    }

    @Override
    public List<Programs.Program> needs() {
        return List.of();
    }

    @Override
    public double expectedSeconds(Effort effort) {
        double run = (effort.warmMillis() + effort.millis() + 50) / 1e3;
        int settings = 1 + STRATEGIES.size();
        return effort.rounds()
                * (6
                        + 2 * settings * effort.compileMillis() / 1e3
                        + effort.pairs() * settings * (SIZES.length + 1) * run);
    }

    /** What came of one setting. */
    private record Outcome(double framesPerSecond, double cpuNanosPerFrame) {}

    @Override
    public void measure(Bench bench, Figures figures) {
        for (int round = 0; round < bench.effort().rounds(); round++) {
            bench.progress().accept("IOMMU strategies, start " + (round + 1));
            var settings = new ArrayList<>(List.of(OFF));
            settings.addAll(STRATEGIES);
            var places = new ArrayList<LoadDriver.Place>();
            var device = new ArrayList<>(List.of("device", "nic", "--json"));
            for (var setting : settings) {
                for (var end : List.of("s", "r")) {
                    place(bench, setting, end, places, device);
                }
                plug(bench, setting, echoName(setting), device);
            }
            try (var nic = bench.start("the switch", device)) {
                nic.awaitReady(PATIENCE);
                var echoes = new ArrayList<OutboardProcess>();
                try (var drivers = LoadDriver.startAll(bench, places)) {
                    for (var setting : settings) {
                        echoes.add(bench.start("echo, " + setting, echo(bench, setting)));
                    }
                    echoes.forEach(echo -> echo.awaitReady(PATIENCE));
                    measure(bench, figures, settings, drivers, round);
                    trips(bench, figures, settings, drivers, round);
                } finally {
                    echoes.forEach(OutboardProcess::close);
                }
            }
        }
    }

    private static void place(
            Bench bench,
            String setting,
            String end,
            List<LoadDriver.Place> places,
            List<String> device) {
        var name = end + "-" + setting;
        plug(bench, setting, name, device);
        var words = protection(bench, setting, name);
        places.add(new LoadDriver.Place(name, bench.place().path(name), words));
    }

    private static void plug(Bench bench, String setting, String name, List<String> device) {
        var port = bench.place().path(name) + ",mac=" + mac(name);
        device.add("--port");
        device.add(setting.equals(OFF) ? port : port + ",iommu=" + bench.place().path(name + ".i"));
    }

    private static List<String> protection(Bench bench, String setting, String name) {
        var words = new ArrayList<>(List.of("--strategy", setting));
        if (!setting.equals(OFF)) {
            words.addAll(List.of("--iommu", "unix:" + bench.place().path(name + ".i")));
        }
        return words;
    }

    private static String echoName(String setting) {
        return "e-" + setting;
    }

    /** A driver that sends frames back. */
    private static List<String> echo(Bench bench, String setting) {
        var name = echoName(setting);
        var words =
                new ArrayList<>(
                        List.of(
                                "run",
                                "virtio-net",
                                "--device",
                                "vhost-user:" + bench.place().path(name),
                                "--forward",
                                "--json"));
        words.addAll(protection(bench, setting, name));
        return words;
    }

    /** A frame there and back, both drivers under the same strategy. */
    private static void trips(
            Bench bench,
            Figures figures,
            List<String> settings,
            LoadDriver.All drivers,
            int round) {
        for (int pair = 0; pair < bench.effort().pairs(); pair++) {
            var times = new LinkedHashMap<String, Map<String, Double>>();
            for (int i = 0; i < settings.size(); i++) {
                int turn = (round + pair) % 2 == 0 ? i : settings.size() - 1 - i;
                var setting = settings.get(turn);
                bench.progress().accept("round trips, IOMMU " + setting);
                var near = drivers.get(2 * turn);
                var order = "trips size=64 to=" + mac(echoName(setting));
                near.during(order, bench.effort().compileMillis());
                times.put(setting, near.during(order, bench.effort().millis()));
            }
            for (var strategy : STRATEGIES) {
                for (var part : List.of("p50", "p99")) {
                    figures.cost(
                            "round trip 64 bytes, IOMMU %s, %s".formatted(strategy, part),
                            PEER,
                            "us",
                            times.get(strategy).get(part) / 1e3,
                            times.get(OFF).get(part) / 1e3);
                }
            }
        }
    }

    private static String mac(String name) {
        int hash = name.hashCode();
        return "02:00:%02x:%02x:%02x:%02x"
                .formatted(hash >>> 24, hash >> 16 & 0xff, hash >> 8 & 0xff, hash & 0xff);
    }

    private static void measure(
            Bench bench,
            Figures figures,
            List<String> settings,
            LoadDriver.All drivers,
            int round) {
        for (int i = 0; i < settings.size(); i++) {
            // Until the switch has heard of a receiver it floods what is for it.
            drivers.get(2 * i + 1)
                    .during("send size=64 to=" + mac("s-" + settings.get(i)), ANNOUNCE_MILLIS);
            run(bench, settings, drivers, i, SIZES[0], bench.effort().compileMillis());
        }
        for (int pair = 0; pair < bench.effort().pairs(); pair++) {
            for (int size : SIZES) {
                var outcomes = new LinkedHashMap<String, Outcome>();
                for (int i = 0; i < settings.size(); i++) {
                    // Forwards in one pair and backwards in the next.
                    int turn = (round + pair) % 2 == 0 ? i : settings.size() - 1 - i;
                    var setting = settings.get(turn);
                    bench.progress().accept(size + " bytes, IOMMU " + setting);
                    outcomes.put(
                            setting,
                            run(bench, settings, drivers, turn, size, bench.effort().millis()));
                }
                add(figures, size, outcomes);
            }
        }
    }

    private static Outcome run(
            Bench bench,
            List<String> settings,
            LoadDriver.All drivers,
            int setting,
            int size,
            long millis) {
        var sender = drivers.get(2 * setting);
        var receiver = drivers.get(2 * setting + 1);
        receiver.begin("receive");
        sender.begin("send size=" + size + " to=" + mac("r-" + settings.get(setting)));
        Programs.sleep(bench.effort().warmMillis() + millis);
        var received = receiver.end();
        var sent = sender.end();
        double frames = received.get("frames");
        return new Outcome(
                frames * 1e9 / received.get("nanos"),
                (received.get("cpuNanos") + sent.get("cpuNanos")) / frames);
    }

    private static void add(Figures figures, int size, Map<String, Outcome> outcomes) {
        var off = outcomes.get(OFF);
        for (var strategy : STRATEGIES) {
            var outcome = outcomes.get(strategy);
            var what = "driver to driver, %d bytes, IOMMU %s".formatted(size, strategy);
            figures.rate(what, PEER, "frames/s", outcome.framesPerSecond, off.framesPerSecond);
            figures.cost(
                    what + ", processor",
                    PEER,
                    "ns/frame",
                    outcome.cpuNanosPerFrame,
                    off.cpuNanosPerFrame);
        }
    }
}
