package dev.outboard.perf.stream;

import dev.outboard.perf.measure.ClientOptions;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;

/**
 * What a sender was asked for.
 *
 * @param sizes the message sizes in bytes, one stream after the other
 * @param durationNanos how long each is measured
 * @param warmupNanos how long each runs before
 * @param messages the most messages a measured stream sends; 0 for no limit
 * @param window how many frames may be on their way; 0 for no limit
 * @param seed the pattern's seed
 * @param turns where turns are given, in place of {@code sizes}, {@code millis} and {@code
 *     warmupMillis}; or null
 * @param watched processes to measure beside this one
 */
record StreamOptions(
        int[] sizes,
        long durationNanos,
        long warmupNanos,
        long messages,
        int window,
        long seed,
        Path turns,
        Map<String, Long> watched) {
    static final String HELP =
            "sizes=64,256,1024,1500,4096,16384 millis=1000 warmupMillis=300 messages=0 (no limit)"
                    + " window=224 (frames under way; 0: no limit) seed=1"
                    + " turns=PATH (run when told there) watch.NAME=PID";

    /** Fewer than a receive queue has buffers, so that no frame comes without one. */
    private static final int DEFAULT_WINDOW = 224;

    private static final int MAXIMUM_WINDOW = 1 << 16;

    static StreamOptions of(Map<String, String> values) {
        var options =
                new ClientOptions(
                        values,
                        Set.of(
                                "sizes",
                                "millis",
                                "warmupMillis",
                                "messages",
                                "window",
                                "seed",
                                "turns"));
        return new StreamOptions(
                options.numbers(
                        "sizes",
                        "64,256,1024,1500,4096,16384",
                        Fragmentation.MINIMUM_BYTES,
                        Fragmentation.MAXIMUM_BYTES),
                options.nanos("millis", 1000),
                options.nanos("warmupMillis", 300),
                options.number("messages", 0, 0, Long.MAX_VALUE / 65536),
                (int) options.number("window", DEFAULT_WINDOW, 0, MAXIMUM_WINDOW),
                options.number("seed", 1, Long.MIN_VALUE, Long.MAX_VALUE),
                options.has("turns") ? Path.of(values.get("turns")) : null,
                options.watched());
    }
}
