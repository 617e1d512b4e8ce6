package dev.outboard.dma.mediator;

/**
 * One client's use of one resource, at one moment.
 *
 * @param resource frames, entries or mappings
 * @param usage in use now
 * @param maximum the most that was ever in use
 * @param quota the bounds
 * @param failures requests refused because of them
 */
public record QuotaReport(String resource, long usage, long maximum, Quota quota, long failures) {}
