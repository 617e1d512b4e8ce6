package dev.outboard.dma.mediator;

import java.util.List;
import java.util.Map;

/**
 * One client of a mediator, at one moment.
 *
 * @param name what it called itself
 * @param processId whose connection it is
 * @param devices what it has claimed, and what was admitted
 * @param quotas its use of frames, entries and mappings
 * @param refusals requests refused, by the reason
 * @param backOffs how often its requests had to wait because one was refused
 * @param refusedMessages messages of its socket that were refused
 */
public record ClientReport(
        String name,
        int processId,
        List<String> devices,
        List<QuotaReport> quotas,
        Map<Status, Long> refusals,
        long backOffs,
        long refusedMessages) {}
