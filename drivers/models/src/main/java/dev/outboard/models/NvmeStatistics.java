package dev.outboard.models;

/**
 * What an NVMe controller has done since its start.
 *
 * @param connected whether a client is there
 * @param zeroes commands that gave ranges back or made them zero
 * @param errors commands that were refused or failed
 * @param faults rings that could not be reached
 * @param resets by the driver
 * @param disconnections sessions that ended of themselves
 * @param lastReason why the last of them did, or empty
 */
public record NvmeStatistics(
        boolean connected,
        long reads,
        long readBytes,
        long writes,
        long writtenBytes,
        long flushes,
        long zeroes,
        long errors,
        long faults,
        long resets,
        long disconnections,
        String lastReason) {}
