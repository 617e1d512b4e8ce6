package dev.outboard.dma;

/**
 * How unmapping is done, and its bounds.
 *
 * @param strategy which one
 * @param queueEntries deferred: the most unmapped pages that wait for a flush, at least 1
 * @param queueNanos deferred: the longest that an unmapped page waits for a flush
 * @param cacheEntries cached: the most mappings kept beyond their unmap, at least 1
 */
public record StrategyOptions(
        Strategy strategy, int queueEntries, long queueNanos, int cacheEntries) {
    /** No bound: only the roll-over of the IOVA allocator flushes. */
    public static final int UNBOUNDED = Integer.MAX_VALUE;

    /** Checks the bounds. */
    public StrategyOptions {
        if (strategy == null) {
            throw new IllegalArgumentException("strategy is missing");
        }
        if (queueEntries < 1 || queueNanos < 1 || cacheEntries < 1) {
            throw new IllegalArgumentException(
                    "queueEntries=%d queueNanos=%d cacheEntries=%d: each is at least 1"
                            .formatted(queueEntries, queueNanos, cacheEntries));
        }
    }

    /** A strategy with its usual bounds. */
    public static StrategyOptions of(Strategy strategy) {
        return new StrategyOptions(strategy, UNBOUNDED, Long.MAX_VALUE, 4096);
    }
}
