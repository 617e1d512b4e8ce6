package dev.outboard.dma;

/**
 * How unmapping is done, and its bounds.
 *
 * @param strategy which one
 * @param queueEntries deferred: the most unmapped pages that wait for a flush, at least 1
 * @param queueNanos deferred: the longest that an unmapped page waits for a flush, at least {@link
 *     #LEAST_QUEUE_NANOS}; kept by a timer's thread, which needs its share of a processor
 * @param cacheEntries cached: the most pages kept mapped beyond their unmap, at least 1
 */
public record StrategyOptions(
        Strategy strategy, int queueEntries, long queueNanos, int cacheEntries) {
    /** No bound: only the roll-over of the IOVA allocator flushes. */
    public static final int UNBOUNDED = Integer.MAX_VALUE;

    /** The shortest bound that a timer can keep: a millisecond. */
    public static final long LEAST_QUEUE_NANOS = 1_000_000;

    /** Checks the bounds. */
    public StrategyOptions {
        if (strategy == null) {
            throw new IllegalArgumentException("strategy is missing");
        }
        if (queueEntries < 1 || queueNanos < LEAST_QUEUE_NANOS || cacheEntries < 1) {
            throw new IllegalArgumentException(
                    "queueEntries=%d queueNanos=%d cacheEntries=%d: at least 1, %d and 1"
                            .formatted(queueEntries, queueNanos, cacheEntries, LEAST_QUEUE_NANOS));
        }
    }

    /** A strategy with its usual bounds. */
    public static StrategyOptions of(Strategy strategy) {
        return new StrategyOptions(strategy, UNBOUNDED, Long.MAX_VALUE, 4096);
    }

    /** The same with other bounds of the queue: deferred alone. */
    public StrategyOptions withQueue(int entries, long nanos) {
        return new StrategyOptions(strategy, entries, nanos, cacheEntries);
    }

    /** The same with another bound of the cache: cached alone. */
    public StrategyOptions withCacheEntries(int entries) {
        return new StrategyOptions(strategy, queueEntries, queueNanos, entries);
    }

    /**
     * The most pages, at any moment, that are unmapped but may still be reached by their IOVA:
     * {@link DmaStatistics#windowEntries} is never more. {@link Long#MAX_VALUE} if only the table
     * or the life of the service bounds it.
     */
    public long statedWindowEntries() {
        return switch (strategy) {
            case STRICT, BATCHED, COPIED -> 0;
            case DEFERRED -> queueEntries == UNBOUNDED ? Long.MAX_VALUE : queueEntries;
            case CACHED -> cacheEntries;
            case OFF, PREALLOCATED, NEVER_FREE, GRANTED -> Long.MAX_VALUE;
        };
    }

    /**
     * The longest time from an unmap until its IOVA reaches nothing: {@link
     * DmaStatistics#windowNanos} is never more. {@link Long#MAX_VALUE} if only the next roll-over,
     * an eviction or the end of the service bounds it. Devices that are stuck, which every unmap
     * and flush then tells, are beside it; and a bound of the queue holds as long as the timer's
     * thread and a device inside its section get a processor within half of it.
     */
    public long statedWindowNanos() {
        return switch (strategy) {
            case STRICT, BATCHED, COPIED -> 0;
            case DEFERRED -> queueNanos;
            case OFF, CACHED, PREALLOCATED, NEVER_FREE, GRANTED -> Long.MAX_VALUE;
        };
    }
}
