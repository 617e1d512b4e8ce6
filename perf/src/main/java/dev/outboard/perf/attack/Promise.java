package dev.outboard.perf.attack;

import dev.outboard.dma.Strategy;
import dev.outboard.dma.StrategyOptions;

/**
 * What a strategy promises about an IOVA after its unmap, as its own description states it: the
 * measure of the oracle.
 *
 * @param windowEntries pages that may be stale at once; {@link Long#MAX_VALUE}: no bound
 * @param windowNanos how long one may be; {@link Long#MAX_VALUE}: no bound
 * @param closesByCount whether the bound on pages ends the oldest window first
 * @param closesWithFlushes whether every flush that the service counts ends all windows before it
 * @param closesWhenAsked whether {@code Dma.flush} does
 * @param isOpenAlways whether all memory is reachable, mapped or not, by each IOVA that it has
 * @param isGranted whether memory is reachable from its grant to the end of that
 * @param isCopied whether the driver's memory is never reached at all, but shadows of it
 */
record Promise(
        long windowEntries,
        long windowNanos,
        boolean closesByCount,
        boolean closesWithFlushes,
        boolean closesWhenAsked,
        boolean isOpenAlways,
        boolean isGranted,
        boolean isCopied) {
    /** The promise of a strategy with these bounds. */
    static Promise of(StrategyOptions options) {
        var strategy = options.strategy();
        boolean isTimed = strategy == Strategy.DEFERRED && options.queueNanos() != Long.MAX_VALUE;
        return new Promise(
                options.statedWindowEntries(),
                options.statedWindowNanos(),
                strategy != Strategy.CACHED,
                // A timer flushes when it likes: a count that grew may be of a flush that runs yet.
                strategy == Strategy.DEFERRED && !isTimed,
                strategy != Strategy.OFF
                        && strategy != Strategy.PREALLOCATED
                        && strategy != Strategy.GRANTED,
                strategy == Strategy.OFF || strategy == Strategy.PREALLOCATED,
                strategy == Strategy.GRANTED,
                strategy == Strategy.COPIED);
    }

    /** Whether what a page table holds after a sweep tells what the device reaches. */
    boolean isToldByPages() {
        return !isOpenAlways && !isGranted && !isCopied;
    }
}
