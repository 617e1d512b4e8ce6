package dev.outboard.perf.physperf;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.StopRequest;
import dev.outboard.perf.measure.Progress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** Runs the tests, the structures taking turns, and collects the figures. One thread. */
final class Measuring {
    private static final int WARM_UP_LOOKUPS = 500;
    private static final int FEW = 2;

    /** A prime: runs draw different frames, and each run those of the run before it elsewhere. */
    private static final long SEED_STEP = 1_000_003;

    private final Plan plan;
    private final StopRequest stop;
    private final Stopwatch watch;
    private final Loop drawing = new Loop.OfNothing();
    private final List<Figure> figures = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();

    Measuring(Plan plan, StopRequest stop) {
        this.plan = plan;
        this.stop = stop;
        watch = new Stopwatch(System.nanoTime() + plan.limitNanos());
    }

    /** The figures of all tests. */
    List<Figure> run(Progress progress) {
        LoadTest shape = null;
        Map<Structure, Filled> filled = Map.of();
        for (var test : plan.tests()) {
            progress.step(test.name(), plan.seconds(test));
            if (!test.hasShapeOf(shape)) {
                // What the last shape took is free first: the heap is a driver's.
                filled = Map.of();
                filled = fill(test);
                warmUp(test, filled);
                shape = test;
            }
            measure(test, filled);
        }
        if (watch.repeated() > 0) {
            notes.add(
                    "of %,d slices, %,d were made again: the thread had waited for a processor"
                            .formatted(watch.slices(), watch.repeated()));
        }
        return figures;
    }

    /** What there is to say about how it was measured. */
    List<String> notes() {
        return notes;
    }

    private record Filled(Loop loop, int fragments) {}

    private Map<Structure, Filled> fill(LoadTest test) {
        var filled = new EnumMap<Structure, Filled>(Structure.class);
        for (var structure : plan.structures()) {
            var segments = structure.create(plan.arrayCapacity());
            if (test.fill(segments)) {
                filled.put(structure, new Filled(Loop.of(segments), segments.count()));
            } else {
                notes.add(
                        "the %s holds %,d segments and %s has %,d: not measured, as in the paper;"
                                        .formatted(
                                                structure.title(),
                                                plan.arrayCapacity(),
                                                test.name(),
                                                test.segments())
                                + " --array-capacity gives it room");
            }
        }
        // As in a driver that has run for a while: what lives lies together, without the garbage.
        System.gc();
        return filled;
    }

    private void warmUp(LoadTest test, Map<Structure, Filled> filled) {
        // Many short calls: the whole loop is compiled, not its middle while it runs.
        watch.warmUp(drawing, WARM_UP_LOOKUPS, test.frames(), plan.warmUpNanos());
        for (var each : filled.values()) {
            watch.warmUp(each.loop(), WARM_UP_LOOKUPS, test.frames(), plan.warmUpNanos());
        }
    }

    private void measure(LoadTest test, Map<Structure, Filled> filled) {
        var drawn = new double[plan.runs()];
        var timed = new EnumMap<Structure, double[]>(Structure.class);
        filled.keySet().forEach(structure -> timed.put(structure, new double[plan.runs()]));
        int runs = 0;
        while (runs < plan.runs(test) && (runs < FEW || !watch.isLate())) {
            if (stop.isStopping()) {
                throw new CommandException("stopped before it was done");
            }
            long seed = SEED_STEP * (runs + 1);
            drawn[runs] = watch.seconds(drawing, test.lookups(), seed, test.frames());
            for (var entry : filled.entrySet()) {
                var loop = entry.getValue().loop();
                watch.warmUp(loop, WARM_UP_LOOKUPS, test.frames(), plan.settleNanos());
                timed.get(entry.getKey())[runs] =
                        watch.seconds(loop, test.lookups(), seed, test.frames());
            }
            runs++;
        }
        double draw = Statistics.median(Arrays.copyOf(drawn, runs));
        for (var entry : timed.entrySet()) {
            var seconds = new double[runs];
            for (int run = 0; run < runs; run++) {
                seconds[run] = entry.getValue()[run] - draw;
            }
            int fragments = filled.get(entry.getKey()).fragments();
            figures.add(new Figure(entry.getKey(), test, fragments, seconds, draw));
        }
    }
}
