package dev.outboard.perf.physperf;

import java.util.List;
import java.util.Locale;

/**
 * A bar that the structure that is shipped has to meet.
 *
 * @param ratio of two means; NaN if one of them was not measured
 * @param limit of the ratio
 * @param isBelow whether the limit itself is a miss
 */
record Bar(String what, double ratio, double limit, boolean isBelow) {
    private static final double GROWTH = 1.3;

    boolean isMeasured() {
        return !Double.isNaN(ratio);
    }

    /** Whether it was measured and holds. */
    boolean isMet() {
        return isBelow ? ratio < limit : ratio <= limit;
    }

    /** A line for people. */
    String describe() {
        return String.format(
                Locale.ROOT,
                "%-8s %s: %s, bar %s %.1f times",
                isMeasured() ? isMet() ? "met" : "MISSED" : "unknown",
                what,
                isMeasured()
                        ? String.format(Locale.ROOT, "%.3f times", ratio)
                        : "not measured in this run",
                isBelow ? "below" : "up to",
                limit);
    }

    /** Both bars, by these figures. */
    static List<Bar> judge(List<Figure> figures) {
        double shipped = nanos(figures, Structure.DIRECTORY, LoadTest.LARGEST);
        double array = nanos(figures, Structure.SORTED_ARRAY, LoadTest.LARGEST);
        double most = nanos(figures, Structure.DIRECTORY, LoadTest.MOST);
        double least = nanos(figures, Structure.DIRECTORY, LoadTest.LEAST);
        return List.of(
                new Bar(
                        "directory to sorted array, 100M look-ups, not fragmented (the paper's"
                                + " tree: 1.056)",
                        shipped / array,
                        1,
                        true),
                new Bar(
                        "directory, 4 GiB fragmented to 1 MiB (the paper's tree to 256 MiB: 2.5)",
                        most / least,
                        GROWTH,
                        false));
    }

    private static double nanos(List<Figure> figures, Structure structure, String test) {
        return figures.stream()
                .filter(figure -> figure.structure() == structure)
                .filter(figure -> figure.test().name().equals(test))
                .mapToDouble(Figure::nanos)
                .findFirst()
                .orElse(Double.NaN);
    }
}
