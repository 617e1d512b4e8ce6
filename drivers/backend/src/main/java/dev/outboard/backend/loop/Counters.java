package dev.outboard.backend.loop;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/** A few counters: one thread counts, any thread reads. */
public final class Counters {
    private static final VarHandle VALUES = MethodHandles.arrayElementVarHandle(long[].class);

    private final long[] values;

    public Counters(int count) {
        values = new long[count];
    }

    /** Counts; by the one thread that does. */
    public void add(int counter, long amount) {
        // Opaque: readers see whole values, some moment's each, and nothing is ordered by them.
        VALUES.setOpaque(values, counter, values[counter] + amount);
    }

    /** What was counted. */
    public long get(int counter) {
        return (long) VALUES.getOpaque(values, counter);
    }
}
