package dev.outboard.perf.physperf;

import java.util.Arrays;

/**
 * What several runs tell, as the paper does.
 *
 * @param deviation of the population
 * @param margin of the mean, with 95 % confidence
 */
record Statistics(double mean, double deviation, double margin, double minimum, double maximum) {
    /** How many deviations of the mean hold 95 % of a normal distribution. */
    private static final double CONFIDENCE = 1.96;

    /** Of one run or more. */
    static Statistics of(double[] runs) {
        double mean = Arrays.stream(runs).average().orElseThrow();
        double squares = Arrays.stream(runs).map(run -> (run - mean) * (run - mean)).sum();
        double deviation = Math.sqrt(squares / runs.length);
        return new Statistics(
                mean,
                deviation,
                CONFIDENCE * deviation / Math.sqrt(runs.length),
                Arrays.stream(runs).min().orElseThrow(),
                Arrays.stream(runs).max().orElseThrow());
    }

    /** The middle one. */
    static double median(double[] runs) {
        var sorted = runs.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
