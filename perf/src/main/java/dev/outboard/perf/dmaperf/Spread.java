package dev.outboard.perf.dmaperf;

import java.util.Arrays;

/**
 * The middle of many samples, and the quarters around it.
 *
 * @param low a quarter of the samples is below
 * @param median half of them
 * @param high a quarter is above
 */
record Spread(double low, double median, double high) {
    /** Nothing was measured. */
    static final Spread NONE = new Spread(Double.NaN, Double.NaN, Double.NaN);

    /** Of the first {@code count} samples. */
    static Spread of(double[] samples, int count) {
        if (count == 0) {
            return NONE;
        }
        var sorted = Arrays.copyOf(samples, count);
        Arrays.sort(sorted);
        return new Spread(at(sorted, 0.25), at(sorted, 0.5), at(sorted, 0.75));
    }

    /** Between two neighbours, in proportion. */
    private static double at(double[] sorted, double share) {
        double place = share * (sorted.length - 1);
        int below = (int) place;
        int above = Math.min(below + 1, sorted.length - 1);
        return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
    }
}
