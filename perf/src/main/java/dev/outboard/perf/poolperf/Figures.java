package dev.outboard.perf.poolperf;

import dev.outboard.perf.report.TextTable;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.HdrHistogram.Histogram;

/** A run's result as a table for people and as fields for machines. Stateless. */
final class Figures {
    private static final double P50 = 50;
    private static final double P99 = 99;
    private static final double P9999 = 99.99;

    /** The least part of the pages that were to be asked for. */
    private static final double RATE_KEPT = 0.99;

    private Figures() {}

    /** Fields of one object. */
    static Map<String, Object> fields(PoolRun.Result result) {
        var fields = new LinkedHashMap<String, Object>();
        var pool = result.pool();
        fields.put("seconds", result.seconds());
        fields.put("lowMark", pool.marks().low());
        fields.put("highMark", pool.marks().high());
        fields.put("reserve", pool.marks().reserve());
        fields.put("lowestLevel", lowest(result));
        fields.put("urgentPages", result.urgent().wanted());
        fields.put("urgentPagesPerSecond", rate(result));
        fields.put("urgentRefusals", result.urgent().refusals());
        fields.put("urgentLatestNanos", result.urgent().latestNanos());
        var takes = result.urgent().takes();
        fields.put("takeNanosP50", takes.getValueAtPercentile(P50));
        fields.put("takeNanosP99", takes.getValueAtPercentile(P99));
        fields.put("takeNanosP9999", takes.getValueAtPercentile(P9999));
        fields.put("takeNanosMax", takes.getMaxValue());
        fields.put("clockNanosP50", result.urgent().clock().getValueAtPercentile(P50));
        fields.put("greedyPages", result.greedy().taken());
        fields.put("greedyRefusals", result.greedy().refusals());
        fields.put("slowDowns", pool.slowDowns());
        fields.put("waits", pool.waits());
        fields.put("refills", pool.refills());
        fields.put("allocatedPages", pool.allocated());
        fields.put("wipedPages", pool.wiped());
        fields.put("givenUpPages", pool.givenUp());
        fields.put("starvations", pool.starvations());
        fields.put("wakeUps", pool.wakeUps());
        return fields;
    }

    private static double rate(PoolRun.Result result) {
        return result.urgent().wanted() / result.urgent().seconds();
    }

    private static int lowest(PoolRun.Result result) {
        return result.levels().stream().mapToInt(sample -> sample.lowest()).min().orElse(0);
    }

    /** Whether nobody urgent was refused, at the full rate. */
    static boolean isMet(PoolRun.Result result) {
        return result.urgent().refusals() == 0
                && rate(result) >= RATE_KEPT * PoolRun.PAGES_PER_SECOND;
    }

    /** Lines for people. */
    static List<String> lines(PoolRun.Result result) {
        var pool = result.pool();
        var table =
                new TextTable(
                        List.of("taker", "pages", "pages/s", "refusals", "slow-downs", "waits"),
                        Set.of(0));
        var lines =
                new ArrayList<>(
                        table.format(
                                List.of(
                                        row(
                                                "may not block",
                                                result.urgent().wanted(),
                                                result.urgent().refusals(),
                                                result.seconds(),
                                                "-",
                                                "-"),
                                        row(
                                                "tight loop",
                                                result.greedy().taken(),
                                                result.greedy().refusals(),
                                                result.seconds(),
                                                whole(pool.slowDowns()),
                                                whole(pool.waits())))));
        lines.add("");
        lines.add(takes(result.urgent().takes(), result.urgent().clock()));
        lines.add(
                "level: at least %,d; reserve %,d, low mark %,d, high mark %,d"
                        .formatted(
                                lowest(result),
                                pool.marks().reserve(),
                                pool.marks().low(),
                                pool.marks().high()));
        lines.add(
                ("refill thread: %,d batches, %,d pages wiped, %,d allocated, %,d given up,"
                                + " woken %,d times")
                        .formatted(
                                pool.refills(),
                                pool.wiped(),
                                pool.allocated(),
                                pool.givenUp(),
                                pool.wakeUps()));
        return lines;
    }

    private static List<String> row(
            String taker, long pages, long refusals, double seconds, String slow, String waits) {
        return List.of(
                taker,
                whole(pages),
                TextTable.number("%,.0f", pages / seconds),
                whole(refusals),
                slow,
                waits);
    }

    private static String takes(Histogram takes, Histogram clock) {
        return String.format(
                Locale.ROOT,
                "time to take, may not block: p50 %,d ns, p99 %,d ns, p99.99 %,d ns, max %,d ns"
                        + " (of it the clock: %,d ns)",
                takes.getValueAtPercentile(P50),
                takes.getValueAtPercentile(P99),
                takes.getValueAtPercentile(P9999),
                takes.getMaxValue(),
                clock.getValueAtPercentile(P50));
    }

    /** The bar in one line. */
    static String bar(PoolRun.Result result) {
        return String.format(
                Locale.ROOT,
                "%-8s who may not block is not refused, at %,d pages/s: %,d refusals at %,.0f",
                isMet(result) ? "met" : "MISSED",
                PoolRun.PAGES_PER_SECOND,
                result.urgent().refusals(),
                rate(result));
    }

    private static String whole(long number) {
        return String.format(Locale.ROOT, "%,d", number);
    }
}
