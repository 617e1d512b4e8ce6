package dev.outboard.perf.traffic;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/** Histograms of nanoseconds, and what is told of them. Stateless. */
final class Times {
    private static final long MOST_NANOS = TimeUnit.SECONDS.toNanos(60);
    private static final int DIGITS = 3;

    private Times() {}

    /** An empty one, up to a minute; recording allocates nothing. */
    static Histogram histogram() {
        return new Histogram(1, MOST_NANOS, DIGITS);
    }

    /** {@code NAMEP50Nanos} and so on, up to the longest. */
    static Map<String, Object> percentiles(String name, Histogram times) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put(name + "P50Nanos", times.getValueAtPercentile(50));
        fields.put(name + "P99Nanos", times.getValueAtPercentile(99));
        fields.put(name + "P999Nanos", times.getValueAtPercentile(99.9));
        fields.put(name + "P9999Nanos", times.getValueAtPercentile(99.99));
        fields.put(name + "MostNanos", times.getMaxValue());
        return fields;
    }
}
