package dev.outboard.perf.demo;

import java.util.Map;

/**
 * What the IOMMUs of a trial did, over the driver processes that took part: counts are added, the
 * window is the widest. Without an IOMMU there is none of it. One thread.
 */
final class Isolation {
    private final boolean translated;
    private long translations;
    private long hits;
    private long faults;
    private long maps;
    private long flushes;
    private long windowEntries;
    private long windowNanos;

    Isolation(IommuSetting setting) {
        translated = setting.isTranslated();
    }

    /** Adds the counters in a client's row; a row without them adds nothing. */
    Isolation add(Map<String, Object> row) {
        if (translated && row.containsKey("translations")) {
            translations += Children.number(row, "translations");
            hits += Children.number(row, "iotlbHits");
            faults += Children.number(row, "faults");
            maps += Children.number(row, "maps");
            flushes += Children.number(row, "flushes");
            windowEntries = Math.max(windowEntries, Children.number(row, "windowEntries"));
            windowNanos = Math.max(windowNanos, Children.number(row, "windowNanos"));
        }
        return this;
    }

    Double hitRate() {
        return translated && translations > 0 ? (double) hits / translations : null;
    }

    long faults() {
        return faults;
    }

    Long windowEntries() {
        return translated ? windowEntries : null;
    }

    Long windowNanos() {
        return translated ? windowNanos : null;
    }

    /** Adds the counts themselves to a row's details. */
    void addTo(Map<String, Object> details) {
        if (translated) {
            details.put("translations", translations);
            details.put("maps", maps);
            details.put("flushes", flushes);
        }
    }
}
