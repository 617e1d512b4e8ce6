package dev.outboard.models;

import dev.outboard.dma.AskedStatistics;

/**
 * What a disk has counted since it started; the numbers may be of neighbouring moments.
 *
 * @param connected whether a driver is connected
 * @param reads reads that succeeded
 * @param readBytes bytes of them
 * @param writes writes that succeeded
 * @param writtenBytes bytes of them
 * @param flushes flushes that succeeded
 * @param errors requests that failed, whatever the reason, and unsupported ones
 * @param faults requests among them that named memory which the device may not reach
 * @param disconnections how many sessions of a driver ended
 * @param lastReason why the last of them ended, or empty
 * @param asked translations that drivers were asked for, where they were
 */
public record DiskStatistics(
        boolean connected,
        long reads,
        long readBytes,
        long writes,
        long writtenBytes,
        long flushes,
        long errors,
        long faults,
        long disconnections,
        String lastReason,
        AskedStatistics asked) {}
