package dev.outboard.perf.physperf;

import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * What is measured, and how often.
 *
 * @param runs of each test
 * @param arrayCapacity how many segments the sorted array has room for
 */
record Plan(
        List<Structure> structures,
        List<LoadTest> tests,
        int runs,
        int arrayCapacity,
        boolean isQuick) {
    private static final int QUICK_LIMIT_SECONDS = 17;
    private static final int LIMIT_HOURS = 24;
    private static final int QUICK_RUNS_OF_LARGEST = 2;

    /** What a look-up takes, for the progress only: the slowest of the structures is slow. */
    private static final double GUESSED_NANOS = 45;

    private static final double GUESSED_NANOS_FRAGMENTED = 300;

    /** The runs of a test: with --quick, few of the one that takes the longest. */
    int runs(LoadTest test) {
        boolean isLong = isQuick && test.name().equals(LoadTest.LARGEST);
        return isLong ? Math.min(runs, QUICK_RUNS_OF_LARGEST) : runs;
    }

    /** When it begins to hurry: no more runs than needed, and none again. */
    long limitNanos() {
        return isQuick
                ? TimeUnit.SECONDS.toNanos(QUICK_LIMIT_SECONDS)
                : TimeUnit.HOURS.toNanos(LIMIT_HOURS);
    }

    /** How long each loop warms up before the first run on segments of a new shape. */
    long warmUpNanos() {
        return TimeUnit.MILLISECONDS.toNanos(isQuick ? 100 : 400);
    }

    /** The same before each run: what another structure took of the caches comes back. */
    long settleNanos() {
        return TimeUnit.MILLISECONDS.toNanos(isQuick ? 5 : 20);
    }

    /** About how long a test takes. */
    double seconds(LoadTest test) {
        double nanos = test.isFragmented() ? GUESSED_NANOS_FRAGMENTED : GUESSED_NANOS;
        return runs(test) * (nanos * test.lookups() + 4 * settleNanos()) / 1e9;
    }
}
