package dev.outboard.perf.dmaperf;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * A bar that figures have to meet.
 *
 * @param what in words
 * @param measured the worst figure of those it is about; NaN if none was measured
 * @param limit at or under
 * @param unit of both
 */
record Bar(String what, double measured, double limit, String unit) {
    private static final double DRIVER_NANOS = 15;
    private static final double STRICT_NANOS = 30;
    private static final double MEDIATOR_BATCH_NANOS = 100;
    private static final double MEDIATOR_SINGLE_NANOS = 3000;
    private static final double STEP = 2;
    private static final double HIT_NANOS = 5;
    private static final double MISS_NANOS = 25;

    boolean isMeasured() {
        return !Double.isNaN(measured);
    }

    /** Whether it was measured and holds. */
    boolean isMet() {
        return measured <= limit;
    }

    /** A line for people. */
    String describe() {
        return String.format(
                Locale.ROOT,
                "%-8s %s: %s, bar %s",
                isMeasured() ? isMet() ? "met" : "MISSED" : "unknown",
                what,
                isMeasured()
                        ? String.format(Locale.ROOT, "%.1f %s", measured, unit)
                        : "not measured in this run",
                String.format(Locale.ROOT, "%.0f %s", limit, unit));
    }

    /** All bars, by these figures. */
    static List<Bar> judge(List<Map<String, Object>> rows) {
        var bars = new ArrayList<Bar>();
        for (var strategy : List.of("deferred", "cached", "batched")) {
            bars.add(
                    new Bar(
                            "driver, %s%s, map + unmap a page"
                                    .formatted(strategy, strategy.equals("batched") ? " (32)" : ""),
                            worst(rows, row -> isPlain(row, "driver", strategy)),
                            DRIVER_NANOS,
                            "ns"));
        }
        bars.add(
                new Bar(
                        "driver, strict, single-entry invalidation, map + unmap a page",
                        worst(
                                rows,
                                row ->
                                        isPlain(row, "driver", "strict")
                                                && !Rows.text(row, Measured.FORMAT)
                                                        .equals("calgary")),
                        STRICT_NANOS,
                        "ns"));
        bars.add(new Bar("largest step over fill levels", largestStep(rows), STEP, "times"));
        bars.add(
                new Bar(
                        "mediator, batches of 32, map + unmap a page",
                        worst(
                                rows,
                                row ->
                                        isOnePage(row, "mediator")
                                                && Rows.decimal(row, Measured.BATCH) == 32),
                        MEDIATOR_BATCH_NANOS,
                        "ns"));
        bars.add(
                new Bar(
                        "mediator, strict, one at a time, map + unmap a page",
                        worst(rows, row -> isPlain(row, "mediator", "strict")),
                        MEDIATOR_SINGLE_NANOS,
                        "ns"));
        bars.add(
                new Bar(
                        "device, translation that hits, flat table",
                        lowest(rows, Measured.HIT),
                        HIT_NANOS,
                        "ns"));
        bars.add(
                new Bar(
                        "device, translation that misses, flat table",
                        lowest(rows, Measured.MISS),
                        MISS_NANOS,
                        "ns"));
        return bars;
    }

    /** The bars on nanoseconds are about the flat tables, which one write changes. */
    private static boolean isFlat(Map<String, Object> row) {
        return Stream.of("calgary", "dart").anyMatch(Rows.text(row, Measured.FORMAT)::equals);
    }

    private static boolean isOnePage(Map<String, Object> row, String owner) {
        return isFlat(row)
                && Rows.text(row, Measured.OWNER).equals(owner)
                && Rows.decimal(row, Measured.THREADS) == 1
                && Rows.decimal(row, Measured.PAGES) == 1;
    }

    /** One thread, one page, an empty space, and the strategy's own batch. */
    private static boolean isPlain(Map<String, Object> row, String owner, String strategy) {
        return isOnePage(row, owner)
                && Rows.text(row, Measured.STRATEGY).equals(strategy)
                && Rows.decimal(row, Measured.FILL) == 0
                && Rows.decimal(row, Measured.BATCH) == (strategy.equals("batched") ? 32 : 1);
    }

    private static double both(Map<String, Object> row) {
        return Rows.decimal(row, Measured.MAP) + Rows.decimal(row, Measured.UNMAP);
    }

    private static double worst(
            List<Map<String, Object>> rows, Predicate<Map<String, Object>> about) {
        return rows.stream().filter(about).mapToDouble(Bar::both).max().orElse(Double.NaN);
    }

    /** The least disturbed of several processes that measured the same. */
    private static double lowest(List<Map<String, Object>> rows, String field) {
        return rows.stream()
                .filter(Bar::isFlat)
                .mapToDouble(row -> Rows.decimal(row, field))
                .filter(value -> !Double.isNaN(value))
                .min()
                .orElse(Double.NaN);
    }

    /** The most that a fuller space raises a figure above that of the empty one. */
    private static double largestStep(List<Map<String, Object>> rows) {
        double largest = Double.NaN;
        for (var full : rows) {
            if (Rows.decimal(full, Measured.FILL) == 0) {
                continue;
            }
            for (var empty : rows) {
                if (Rows.decimal(empty, Measured.FILL) == 0 && isSameBut(full, empty)) {
                    double step = both(full) / both(empty);
                    largest = Double.isNaN(largest) ? step : Math.max(largest, step);
                }
            }
        }
        return largest;
    }

    private static boolean isSameBut(Map<String, Object> full, Map<String, Object> empty) {
        return Stream.of(
                        Measured.FORMAT,
                        Measured.STRATEGY,
                        Measured.OWNER,
                        Measured.THREADS,
                        Measured.PAGES,
                        Measured.BATCH)
                .allMatch(field -> Rows.text(full, field).equals(Rows.text(empty, field)));
    }
}
