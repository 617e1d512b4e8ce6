package dev.outboard.dma;

/**
 * Translations that a device asks its front-end for.
 *
 * @param hits accesses whose translation was known
 * @param misses translations that the front-end was asked for
 * @param updates translations that it gave, asked or not
 * @param invalidations ranges that it took away
 * @param evictions translations that went for want of room
 * @param faults accesses that were refused
 * @param late faults among them for which no answer came in time
 */
public record AskedStatistics(
        long hits,
        long misses,
        long updates,
        long invalidations,
        long evictions,
        long faults,
        long late) {}
