package dev.outboard.perf.measure;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;

/**
 * The options of a client, checked: a name that nobody knows and a value out of range are errors
 * that say so. Immutable.
 */
public final class ClientOptions {
    /** Processes to measure beside this one: {@code watch.NAME=PID}. */
    private static final String WATCH = "watch.";

    private final Map<String, String> values;

    /**
     * The options of a client that knows the names {@code known}.
     *
     * @throws IllegalArgumentException for any other name but {@code watch.…}
     */
    public ClientOptions(Map<String, String> values, Set<String> known) {
        this.values = Map.copyOf(values);
        for (var name : values.keySet()) {
            if (!known.contains(name) && !name.startsWith(WATCH)) {
                throw new IllegalArgumentException(
                        "no option " + name + " here; there are " + new TreeSet<>(known));
            }
        }
    }

    /** A whole number within limits. */
    public long number(String name, long absent, long minimum, long maximum) {
        var text = values.get(name);
        return text == null ? absent : parse(name, text, minimum, maximum);
    }

    /** Whole numbers within limits, separated by commas. */
    public int[] numbers(String name, String absent, int minimum, int maximum) {
        var text = values.getOrDefault(name, absent);
        return Arrays.stream(text.split(",", -1))
                .mapToInt(item -> (int) parse(name, item.strip(), minimum, maximum))
                .toArray();
    }

    /** A time given in milliseconds, in nanoseconds. */
    public long nanos(String name, long absentMillis) {
        return TimeUnit.MILLISECONDS.toNanos(number(name, absentMillis, 0, 86_400_000));
    }

    /** Whether the option was given. */
    public boolean has(String name) {
        return values.containsKey(name);
    }

    /** The processes to measure beside this one, by name. */
    public Map<String, Long> watched() {
        var watched = new LinkedHashMap<String, Long>();
        values.forEach(
                (name, text) -> {
                    if (name.startsWith(WATCH)) {
                        watched.put(
                                name.substring(WATCH.length()),
                                parse(name, text, 1, Integer.MAX_VALUE));
                    }
                });
        return watched;
    }

    private static long parse(String name, String text, long minimum, long maximum) {
        long value;
        try {
            value = Long.parseLong(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    "option " + name + "=" + text + " is not a whole number", e);
        }
        if (value < minimum || value > maximum) {
            throw new IllegalArgumentException(
                    "option %s=%s is not between %d and %d"
                            .formatted(name, text, minimum, maximum));
        }
        return value;
    }
}
