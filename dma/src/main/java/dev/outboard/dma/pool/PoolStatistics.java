package dev.outboard.dma.pool;

/**
 * What a {@link PagePool} has counted since it was opened; never negative.
 *
 * @param level pages free and wiped now
 * @param marks between which the level is kept
 * @param pages that the pool has, taken ones included
 * @param takers that are open
 * @param taken pages handed out
 * @param refusals of takers that may not block
 * @param slowDowns yields of takers that may sleep
 * @param waits of takers that may sleep, for more than the reserve
 * @param refills batches that the refill thread added
 * @param allocated pages it got of the physical memory
 * @param wiped pages that it wiped and added again
 * @param givenUp pages that went back to the physical memory
 * @param starvations how often the physical memory had no page
 * @param wakeUps of the refill thread, by others
 */
public record PoolStatistics(
        int level,
        PoolMarks marks,
        int pages,
        int takers,
        long taken,
        long refusals,
        long slowDowns,
        long waits,
        long refills,
        long allocated,
        long wiped,
        long givenUp,
        long starvations,
        long wakeUps) {}
