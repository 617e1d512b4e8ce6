package dev.outboard.perf.attack;

import dev.outboard.dma.DmaStatistics;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What an attack on one strategy came to.
 *
 * @param mappings made while it attacked
 * @param tried accesses that the device tried
 * @param faults of them that were refused
 * @param triedInTime mappings that the device is known to have used while they were mapped
 * @param readsInside reads of stale memory, within the stated window
 * @param writesInside writes to stale memory that were seen, within the stated window
 * @param heldUses accesses by what an earlier section had resolved
 * @param leftLate batches that the service went on unmapping while the driver did other things
 * @param outside accesses let through that the promise forbids
 * @param changed words that changed where the promise says that none can
 * @param windowEntries measured by the service
 * @param windowNanos measured by the service
 */
record Verdict(
        Promise promise,
        long mappings,
        long tried,
        long faults,
        long triedInTime,
        long readsInside,
        long writesInside,
        long heldUses,
        long leftLate,
        long outside,
        long changed,
        long windowEntries,
        long windowNanos,
        List<String> first) {
    static Verdict of(
            Promise promise,
            DmaStatistics statistics,
            Board board,
            Violations violations,
            long writesInside,
            long mappings,
            long triedInTime,
            long leftLate) {
        return new Verdict(
                promise,
                mappings,
                board.count(BoardDescriptor.TRIED_OFFSET),
                board.count(BoardDescriptor.REFUSED_OFFSET),
                triedInTime,
                board.count(BoardDescriptor.READ_STALE_OFFSET),
                writesInside,
                board.count(BoardDescriptor.HELD_OFFSET),
                leftLate,
                board.count(BoardDescriptor.LEAKED_OFFSET)
                        + violations.reached()
                        + violations.reused()
                        + violations.misled(),
                violations.changed(),
                statistics.windowEntries(),
                statistics.windowNanos(),
                violations.first());
    }

    /** Whether nothing happened outside the stated window, and the measured one is within it. */
    boolean holds() {
        return outside == 0
                && changed == 0
                && windowEntries <= promise.windowEntries()
                && windowNanos <= promise.windowNanos();
    }

    /** For machines. */
    Map<String, Object> fields(String format, String strategy, String owner, long seed) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("format", format);
        fields.put("strategy", strategy);
        fields.put("owner", owner);
        fields.put("seed", seed);
        fields.put("mappings", mappings);
        fields.put("tried", tried);
        fields.put("faults", faults);
        fields.put("triedInTime", triedInTime);
        fields.put("heldUses", heldUses);
        fields.put("batchesLeftLate", leftLate);
        fields.put("readsInsideWindow", readsInside);
        fields.put("writesInsideWindow", writesInside);
        fields.put("outsideWindow", outside);
        fields.put("wordsChangedOutside", changed);
        fields.put("windowEntries", windowEntries);
        fields.put("windowNanos", windowNanos);
        fields.put("statedWindowEntries", bounded(promise.windowEntries()));
        fields.put("statedWindowNanos", bounded(promise.windowNanos()));
        fields.put("holds", holds());
        fields.put("violations", first);
        return fields;
    }

    private static Object bounded(long stated) {
        return stated == Long.MAX_VALUE ? null : stated;
    }

    /** For people. */
    String describe(String format, String strategy, String owner) {
        return String.format(
                Locale.ROOT,
                "%-7s %-12s owner %s, %s: %,d mappings, %,d accesses tried, %,d refused; inside the"
                        + " window %,d reads, %,d writes; outside %d, words changed %d; window %,d"
                        + " pages of %s, %,.3f ms of %s",
                holds() ? "holds" : "BROKEN",
                strategy,
                owner,
                format,
                mappings,
                tried,
                faults,
                readsInside,
                writesInside,
                outside,
                changed,
                windowEntries,
                promise.windowEntries() == Long.MAX_VALUE
                        ? "any"
                        : String.format(Locale.ROOT, "%,d", promise.windowEntries()),
                windowNanos / 1e6,
                promise.windowNanos() == Long.MAX_VALUE
                        ? "any"
                        : String.format(Locale.ROOT, "%,.3f", promise.windowNanos() / 1e6));
    }
}
