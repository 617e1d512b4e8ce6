package dev.outboard.perf.versus;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Frames a second on DPDK's vhost back-end, which counts both: our driver beside DPDK's
 * virtio-user, each by each kind of ring.
 *
 * <pre>
 *   testpmd, processor 0          processor 1
 *     vhost0 ◄──────────────────► run virtio-net, net-load        (split)
 *     vhost1 ◄──────────────────► testpmd with virtio-user        (split)
 *     vhost2, vhost3              the same, packed
 * </pre>
 *
 * <p>One of the four is at work at a time; the others sleep. Each side of a pair is measured in
 * slices that take turns with the other's: where processors are a virtual machine's, what a line
 * costs that goes from one to the other changes by a factor of two within seconds.
 */
final class FrameRates implements Comparison {
    private static final long SLICE_MILLIS = 200;

    /** Until a rate is what it will be, once everything is compiled. */
    private static final long SETTLE_MILLIS = 60;

    private static final int[] SIZES = {64, 1500};
    private static final String PEER = "DPDK virtio-user on dpdk-testpmd";

    /** A kind of ring, and which port of the back-end each side has. */
    private enum Ring {
        SPLIT(0, 1),
        PACKED(2, 3);

        private final int ours;
        private final int theirs;

        Ring(int ours, int theirs) {
            this.ours = ours;
            this.theirs = theirs;
        }

        private String word() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }
    }

    @Override
    public String name() {
        return "frames";
    }

    @Override
    public List<Programs.Program> needs() {
        return List.of(Programs.TESTPMD, Programs.STDBUF, Programs.TASKSET);
    }

    @Override
    public double expectedSeconds(Effort effort) {
        double slice = SETTLE_MILLIS + Math.min(SLICE_MILLIS, effort.millis()) + 40;
        double pair = 2 * (effort.warmMillis() + 100 + slices(effort) * slice) / 1e3;
        return effort.rounds()
                * (4
                        + 4 * effort.compileMillis() / 1e3
                        + 2 * SIZES.length * 2 * effort.pairs() * pair);
    }

    @Override
    public void measure(Bench bench, Figures figures) {
        for (int round = 0; round < bench.effort().rounds(); round++) {
            bench.progress().accept("frames, start " + (round + 1));
            var places = Arrays.stream(Ring.values()).map(ring -> place(bench, ring)).toList();
            try (var backEnd = backEnd(bench);
                    var ours = LoadDriver.startAll(bench, places)) {
                for (var ring : Ring.values()) {
                    measure(bench, figures, backEnd, ours.get(ring.ordinal()), ring, round);
                }
            }
        }
    }

    private static LoadDriver.Place place(Bench bench, Ring ring) {
        return new LoadDriver.Place(
                "frames-" + ring.word(),
                socket(bench, ring.ours),
                List.of("--poll", "--ring", ring.word()));
    }

    private static Testpmd backEnd(Bench bench) {
        var devices = new ArrayList<String>();
        for (int port = 0; port < 2 * Ring.values().length; port++) {
            devices.add("net_vhost" + port + "," + Testpmd.vhost(socket(bench, port)));
        }
        return Testpmd.start("back-end", List.of(), devices, Bench.BACK_END);
    }

    private static java.nio.file.Path socket(Bench bench, int port) {
        return bench.place().path("net" + port);
    }

    private static void measure(
            Bench bench, Figures figures, Testpmd backEnd, LoadDriver ours, Ring ring, int round) {
        var device =
                "net_virtio_user0,"
                        + Testpmd.virtioUser(socket(bench, ring.theirs), ring == Ring.PACKED);
        try (var theirs = Testpmd.start("driver", List.of(), List.of(device), Bench.DRIVER)) {
            var seat = new Seat(bench, backEnd, ours, theirs, ring);
            seat.warm();
            for (boolean isSending : new boolean[] {true, false}) {
                for (int size : SIZES) {
                    var what =
                            "%s %d bytes, %s ring"
                                    .formatted(
                                            isSending ? "transmit" : "receive", size, ring.word());
                    bench.progress().accept(what);
                    for (int pair = 0; pair < bench.effort().pairs(); pair++) {
                        var rates = seat.pair(isSending, size, round + pair);
                        figures.rate(what, PEER, "frames/s", rates[0], rates[1]);
                    }
                }
            }
        }
    }

    private static int slices(Effort effort) {
        return (int) Math.max(1, effort.millis() / SLICE_MILLIS);
    }

    /** Both drivers of a ring on their ports of the back-end. */
    private record Seat(Bench bench, Testpmd backEnd, LoadDriver ours, Testpmd theirs, Ring ring) {
        /** Compiles ours, both ways, before it is held to the processor that theirs has. */
        private void warm() {
            for (boolean isSending : new boolean[] {true, false}) {
                backEnd.forward(isSending ? "rxonly" : "txonly", ring.ours, SIZES[0]);
                ours.during(order(isSending, SIZES[0]), bench.effort().compileMillis());
                backEnd.stop();
            }
            ours.pin(Bench.DRIVER);
        }

        private static String order(boolean isSending, int size) {
            return isSending ? "send size=" + size : "receive";
        }

        /** The rates of both, ours and theirs. */
        private double[] pair(boolean isSending, int size, int number) {
            ours(isSending, size, bench.effort().warmMillis(), 0);
            theirs(isSending, size, bench.effort().warmMillis(), 0);
            int slices = slices(bench.effort());
            long millis = Math.min(SLICE_MILLIS, bench.effort().millis());
            var rates = new double[2];
            for (int slice = 0; slice < slices; slice++) {
                Bench.pair(
                        number + slice,
                        () -> rates[0] += ours(isSending, size, SETTLE_MILLIS, millis) / slices,
                        () -> rates[1] += theirs(isSending, size, SETTLE_MILLIS, millis) / slices);
            }
            return rates;
        }

        private double ours(boolean isSending, int size, long warmMillis, long millis) {
            backEnd.forward(isSending ? "rxonly" : "txonly", ring.ours, size);
            ours.begin(order(isSending, size));
            double rate = count(isSending, ring.ours, warmMillis, millis);
            ours.end();
            backEnd.stop();
            return rate;
        }

        private double theirs(boolean isSending, int size, long warmMillis, long millis) {
            backEnd.forward(isSending ? "rxonly" : "txonly", ring.theirs, size);
            theirs.forward(isSending ? "txonly" : "rxonly", 0, size);
            double rate = count(isSending, ring.theirs, warmMillis, millis);
            theirs.stop();
            backEnd.stop();
            return rate;
        }

        private double count(boolean isSending, int port, long warmMillis, long millis) {
            Programs.sleep(warmMillis);
            return millis == 0
                    ? 0
                    : backEnd.rate(
                            port, isSending ? Testpmd.Count.RECEIVED : Testpmd.Count.SENT, millis);
        }
    }
}
