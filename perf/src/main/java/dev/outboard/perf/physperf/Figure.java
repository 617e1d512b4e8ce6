package dev.outboard.perf.physperf;

/**
 * What was measured of one structure in one test.
 *
 * @param fragments how many segments there were
 * @param runs the seconds of each, without what drawing takes
 * @param drawSeconds what was taken out of each: the median of as many runs that only drew
 */
record Figure(
        Structure structure, LoadTest test, int fragments, double[] runs, double drawSeconds) {
    Statistics statistics() {
        return Statistics.of(runs);
    }

    /** What a look-up took, in nanoseconds. */
    double nanos() {
        return statistics().mean() * 1e9 / test.lookups();
    }
}
