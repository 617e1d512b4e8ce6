package dev.outboard.dma.pool;

import java.util.ArrayList;
import java.util.List;

/**
 * How the level of a pool went over time: samples at even steps, in memory that is taken once.
 * Sampling allocates nothing; when the memory is full, neighbours are joined, and a step is twice
 * as long from then on. One thread samples and reads.
 */
public final class PoolLevels {
    private final PagePool pool;
    private final long startNanos;
    private final long[] atNanos;
    private final int[] level;
    private final int[] lowest;
    private final long[] refusals;
    private final long[] slowDowns;
    private int count;

    /** Samples that become one, and how many of them the last one has. */
    private int stride = 1;

    private int joined;

    /**
     * One moment.
     *
     * @param nanos since the record was begun
     * @param level pages free and wiped at its end
     * @param lowest level since the sample before
     * @param refusals since the pool was opened
     * @param slowDowns since the pool was opened
     */
    public record Sample(long nanos, int level, int lowest, long refusals, long slowDowns) {}

    /**
     * An empty record.
     *
     * @param capacity samples, an even number of 2 or more
     */
    public PoolLevels(PagePool pool, int capacity) {
        if (capacity < 2 || capacity % 2 != 0) {
            throw new IllegalArgumentException("capacity=" + capacity + " is no even number");
        }
        this.pool = pool;
        startNanos = System.nanoTime();
        atNanos = new long[capacity];
        level = new int[capacity];
        lowest = new int[capacity];
        refusals = new long[capacity];
        slowDowns = new long[capacity];
        pool.lowestLevel();
    }

    /** Adds what is now. */
    public void sample() {
        if (joined == 0 && count == atNanos.length) {
            halve();
        }
        int low = pool.lowestLevel();
        int at = joined == 0 ? count++ : count - 1;
        lowest[at] = joined == 0 ? low : Math.min(low, lowest[at]);
        atNanos[at] = System.nanoTime() - startNanos;
        level[at] = pool.level();
        refusals[at] = pool.refusals();
        slowDowns[at] = pool.slowDowns();
        joined = joined + 1 == stride ? 0 : joined + 1;
    }

    private void halve() {
        for (int to = 0; to < count / 2; to++) {
            int last = 2 * to + 1;
            atNanos[to] = atNanos[last];
            level[to] = level[last];
            lowest[to] = Math.min(lowest[last - 1], lowest[last]);
            refusals[to] = refusals[last];
            slowDowns[to] = slowDowns[last];
        }
        count /= 2;
        stride *= 2;
    }

    /** What was recorded, oldest first. */
    public List<Sample> samples() {
        List<Sample> samples = new ArrayList<>(count);
        for (int at = 0; at < count; at++) {
            samples.add(
                    new Sample(atNanos[at], level[at], lowest[at], refusals[at], slowDowns[at]));
        }
        return samples;
    }
}
