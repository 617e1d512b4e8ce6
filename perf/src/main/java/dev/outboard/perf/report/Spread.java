package dev.outboard.perf.report;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * The middle of many samples, and the quarters around it. Samples that are no number are left out;
 * without any, all three are none.
 *
 * @param median half of the samples are below
 * @param low a quarter is below
 * @param high a quarter is above
 */
public record Spread(double median, double low, double high) {
    /** Nothing was measured. */
    public static final Spread NONE = new Spread(Double.NaN, Double.NaN, Double.NaN);

    /** Of one figure of many items. */
    public static <T> Spread of(List<T> items, ToDoubleFunction<T> figure) {
        return ofFigures(items.stream().mapToDouble(figure).toArray());
    }

    /** Of the first {@code count} samples. */
    public static Spread of(double[] samples, int count) {
        return ofFigures(Arrays.copyOf(samples, count));
    }

    /** The ratios of the first items to those beside them. */
    public static <T> Spread ofRatios(List<T> items, List<T> others, ToDoubleFunction<T> figure) {
        var ratios = new double[Math.min(items.size(), others.size())];
        for (int i = 0; i < ratios.length; i++) {
            ratios[i] = figure.applyAsDouble(items.get(i)) / figure.applyAsDouble(others.get(i));
        }
        return ofFigures(ratios);
    }

    private static Spread ofFigures(double[] figures) {
        var sorted = Arrays.stream(figures).filter(Double::isFinite).sorted().toArray();
        return sorted.length == 0
                ? NONE
                : new Spread(at(sorted, 0.5), at(sorted, 0.25), at(sorted, 0.75));
    }

    /** The figure at a part of the way, between neighbours in proportion. */
    private static double at(double[] sorted, double part) {
        double place = part * (sorted.length - 1);
        int below = (int) place;
        int above = Math.min(below + 1, sorted.length - 1);
        return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
    }

    /** Adds all three to a report. */
    public void addTo(Map<String, Object> details, String name) {
        details.put(name, median);
        details.put(name + "Low", low);
        details.put(name + "High", high);
    }
}
