package dev.outboard.perf.demo;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * A figure over several turns: the middle one, and the quartiles around it. Figures that are no
 * number are left out; without any, all three are none.
 */
record Spread(double median, double low, double high) {
    private static final Spread NONE = new Spread(Double.NaN, Double.NaN, Double.NaN);

    static <T> Spread of(List<T> items, ToDoubleFunction<T> figure) {
        return of(items.stream().mapToDouble(figure).toArray());
    }

    /** The ratios of the first items to those beside them. */
    static <T> Spread ofRatios(List<T> items, List<T> others, ToDoubleFunction<T> figure) {
        var ratios = new double[Math.min(items.size(), others.size())];
        for (int i = 0; i < ratios.length; i++) {
            ratios[i] = figure.applyAsDouble(items.get(i)) / figure.applyAsDouble(others.get(i));
        }
        return of(ratios);
    }

    private static Spread of(double[] figures) {
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
    void addTo(Map<String, Object> details, String name) {
        details.put(name, median);
        details.put(name + "Low", low);
        details.put(name + "High", high);
    }
}
