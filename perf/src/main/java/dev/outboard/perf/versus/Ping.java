package dev.outboard.perf.versus;

import dev.outboard.host.cli.CommandException;
import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;

/**
 * {@code ping} from one namespace to the other.
 *
 * @param p50Micros half of the answers took less
 * @param p99Micros all but one in a hundred did
 */
record Ping(double p50Micros, double p99Micros) {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final Pattern TIME = Pattern.compile("time=([0-9.]+) ms");
    private static final double MICROS_PER_MILLI = 1e3;

    /** Asks so often, 500 times a second. */
    static Ping measure(Namespaces spaces, KernelPath path, int count) {
        var said =
                Programs.run(
                        Namespaces.in(
                                spaces.left(),
                                List.of(
                                        "ping",
                                        "-i",
                                        "0.002",
                                        "-c",
                                        Integer.toString(count),
                                        path.rightAddress())),
                        PATIENCE);
        return of(said, path.name());
    }

    static Ping of(String said, String name) {
        var times =
                TIME.matcher(said)
                        .results()
                        .mapToDouble(found -> Double.parseDouble(found.group(1)))
                        .sorted()
                        .toArray();
        if (times.length == 0) {
            throw new CommandException("nobody answers ping over " + name);
        }
        return new Ping(at(times, 0.5), at(times, 0.99));
    }

    private static double at(double[] sorted, double part) {
        return sorted[(int) (part * (sorted.length - 1))] * MICROS_PER_MILLI;
    }
}
