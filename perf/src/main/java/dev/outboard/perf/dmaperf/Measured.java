package dev.outboard.perf.dmaperf;

import dev.outboard.dma.Dma;
import dev.outboard.dma.Strategy;
import dev.outboard.dma.StrategyOptions;
import dev.outboard.perf.dmaperf.MeasuredDriver.Translating;
import dev.outboard.perf.report.Spread;
import dev.outboard.perf.setup.Names;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.DoubleStream;

/**
 * The figures of one point, as every report names them.
 *
 * @param fields in the order in which they are printed; a figure that there is none of is null
 */
record Measured(Map<String, Object> fields) {
    static final String FORMAT = "format";
    static final String STRATEGY = "strategy";
    static final String OWNER = "owner";
    static final String THREADS = "threads";
    static final String PAGES = "pages";
    static final String FILL = "fillPercent";
    static final String BATCH = "batch";
    static final String MAP = "mapNanos";
    static final String UNMAP = "unmapNanos";
    static final String MISS_RATE = "missRate";
    static final String FLUSHES = "flushes";
    static final String MAPS = "maps";
    static final String WINDOW_ENTRIES = "windowEntries";
    static final String WINDOW_NANOS = "windowNanos";
    static final String STATED_ENTRIES = "statedWindowEntries";
    static final String STATED_NANOS = "statedWindowNanos";
    static final String HIT = "translateHitNanos";
    static final String MISS = "translateMissNanos";
    static final String SECTION = "sectionNanos";

    static Measured of(
            Group group,
            List<Work> works,
            List<Dma> services,
            StrategyOptions strategy,
            long maps,
            long flushes,
            double missRate,
            Translating translating) {
        var point = works.getFirst().point();
        var fields = new LinkedHashMap<String, Object>();
        fields.put(FORMAT, group.formatTitle());
        fields.put(STRATEGY, Names.of(group.strategy()));
        fields.put(OWNER, Names.of(group.owner()));
        fields.put(THREADS, group.threads());
        fields.put(PAGES, point.pages());
        fields.put(FILL, point.fillPercent());
        fields.put(BATCH, works.getFirst().batch());
        put(fields, MAP, spread(works, Bursts::mapSamples));
        put(fields, UNMAP, spread(works, Bursts::unmapSamples));
        fields.put(MISS_RATE, number(missRate));
        fields.put(MAPS, maps);
        fields.put(FLUSHES, flushes);
        putWindow(fields, services, strategy);
        fields.put(HIT, number(translating.hitNanos()));
        fields.put(MISS, number(translating.missNanos()));
        fields.put(SECTION, number(translating.sectionNanos()));
        fields.put("fillRuns", works.stream().mapToLong(Work::liveRuns).sum());
        fields.put("burst", works.getFirst().bursts().count());
        fields.put(
                "windows",
                works.stream().mapToInt(work -> work.bursts().mapSamples().length).sum());
        fields.put(
                "windowsDisturbed",
                works.stream().mapToInt(work -> work.bursts().disturbed()).sum());
        return new Measured(fields);
    }

    /** All threads' windows together. */
    private static Spread spread(List<Work> works, Function<Bursts, double[]> samples) {
        var all =
                works.stream()
                        .map(Work::bursts)
                        .map(samples)
                        .flatMapToDouble(DoubleStream::of)
                        .toArray();
        return Spread.of(all, all.length);
    }

    private static void put(Map<String, Object> fields, String name, Spread spread) {
        fields.put(name, number(spread.median()));
        fields.put(name + "Low", number(spread.low()));
        fields.put(name + "High", number(spread.high()));
    }

    /** Without an IOMMU everything is open always: no number says that. */
    private static void putWindow(
            Map<String, Object> fields, List<Dma> services, StrategyOptions strategy) {
        boolean isOff = strategy.strategy() == Strategy.OFF;
        long entries = services.stream().mapToLong(dma -> dma.statistics().windowEntries()).sum();
        long nanos =
                services.stream().mapToLong(dma -> dma.statistics().windowNanos()).max().orElse(0);
        fields.put(WINDOW_ENTRIES, isOff ? null : entries);
        fields.put(WINDOW_NANOS, isOff ? null : nanos);
        fields.put(STATED_ENTRIES, bounded(strategy.statedWindowEntries(), services.size()));
        fields.put(STATED_NANOS, bounded(strategy.statedWindowNanos(), 1));
    }

    private static Object bounded(long stated, int services) {
        return stated == Long.MAX_VALUE ? null : stated * services;
    }

    private static Object number(double value) {
        return Double.isFinite(value) ? value : null;
    }
}
