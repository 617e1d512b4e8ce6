package dev.outboard.perf.versus;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Figures of repeated runs: their median and their spread. One thread. */
final class Samples {
    private final List<Double> values = new ArrayList<>();

    void add(double value) {
        values.add(value);
    }

    int count() {
        return values.size();
    }

    double get(int index) {
        return values.get(index);
    }

    double minimum() {
        return values.isEmpty() ? Double.NaN : Collections.min(values);
    }

    double maximum() {
        return values.isEmpty() ? Double.NaN : Collections.max(values);
    }

    /** The middle value; of an even count the mean of the two in the middle. */
    double median() {
        if (values.isEmpty()) {
            return Double.NaN;
        }
        var sorted = new ArrayList<>(values);
        Collections.sort(sorted);
        int middle = sorted.size() / 2;
        return sorted.size() % 2 == 1
                ? sorted.get(middle)
                : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
    }

    /** The ratio of each value to its partner of the same pair. */
    static Samples ratios(Samples numerator, Samples denominator) {
        var ratios = new Samples();
        for (int i = 0; i < Math.min(numerator.count(), denominator.count()); i++) {
            ratios.add(numerator.get(i) / denominator.get(i));
        }
        return ratios;
    }
}
