package dev.outboard.dma;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * What happened to translations that a device asks its front-end for. One thread counts, through
 * one {@link AskingBusMaster} after the other; any thread reads.
 */
public final class AskedCounters {
    static final int HITS = 0;
    static final int MISSES = 1;
    static final int UPDATES = 2;
    static final int INVALIDATIONS = 3;
    static final int EVICTIONS = 4;
    static final int FAULTS = 5;
    static final int LATE = 6;
    private static final int COUNTERS = 7;
    private static final VarHandle VALUES = MethodHandles.arrayElementVarHandle(long[].class);

    private final long[] values = new long[COUNTERS];

    /** Nothing has happened. */
    public AskedCounters() {}

    /** Counts; by the one thread that does. */
    void add(int counter, long amount) {
        // Opaque: readers see whole values, some moment's each, and nothing is ordered by them.
        VALUES.setOpaque(values, counter, values[counter] + amount);
    }

    private long get(int counter) {
        return (long) VALUES.getOpaque(values, counter);
    }

    /** What was counted; the numbers may be of neighbouring moments. */
    public AskedStatistics read() {
        return new AskedStatistics(
                get(HITS),
                get(MISSES),
                get(UPDATES),
                get(INVALIDATIONS),
                get(EVICTIONS),
                get(FAULTS),
                get(LATE));
    }
}
