package dev.outboard.host.top;

import dev.outboard.host.control.Fields;
import dev.outboard.host.event.Event;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * What one process showed of itself at a moment, and what came of its counters since the moment
 * before. Immutable.
 *
 * @param socket the file name of its control socket
 * @param status what it showed; null if it did not answer
 * @param atNanos when
 * @param mapsPerSecond mappings made a second: since the sample before, or since its start
 * @param unmapsPerSecond likewise
 */
record Sample(
        String socket, Event status, long atNanos, double mapsPerSecond, double unmapsPerSecond) {
    private static final double SECOND = TimeUnit.SECONDS.toNanos(1);

    /**
     * @param before of the same process, or null
     */
    static Sample of(String socket, Event status, long atNanos, Sample before) {
        return new Sample(
                socket,
                status,
                atNanos,
                rate("dma.maps", status, atNanos, before),
                rate("dma.unmaps", status, atNanos, before));
    }

    private static double rate(String path, Event status, long atNanos, Sample before) {
        if (status == null || Fields.number(status.fields(), path) < 0) {
            return 0;
        }
        long now = Fields.number(status.fields(), path);
        if (before != null && before.status != null && before.number(path) >= 0) {
            // A driver that started again counts from nothing.
            long then = before.number(path) <= now ? before.number(path) : 0;
            return (now - then) * SECOND / Math.max(1, atNanos - before.atNanos);
        }
        return Fields.at(status.fields(), "seconds") instanceof Number seconds
                ? now / Math.max(1e-3, seconds.doubleValue())
                : 0;
    }

    boolean isMediator() {
        return status != null && text("kind").equals("mediator");
    }

    /** A whole number of the status; -1 if there is none. */
    long number(String path) {
        return Fields.number(status.fields(), path);
    }

    String text(String path) {
        return Fields.text(status.fields(), path);
    }

    /** The clients of a mediator. */
    List<Map<?, ?>> clients() {
        return Fields.maps(status.fields(), "clients");
    }
}
