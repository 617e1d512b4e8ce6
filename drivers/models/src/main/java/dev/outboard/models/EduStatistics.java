package dev.outboard.models;

/**
 * What a teaching device has done since its start.
 *
 * @param connected whether a client is there
 * @param faults copies that were refused
 * @param disconnections sessions that ended of themselves
 * @param lastReason why the last of them did, or empty
 */
public record EduStatistics(
        boolean connected,
        long factorials,
        long copies,
        long faults,
        long disconnections,
        String lastReason) {}
