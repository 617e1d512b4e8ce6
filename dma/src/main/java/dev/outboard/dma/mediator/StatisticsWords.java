package dev.outboard.dma.mediator;

import dev.outboard.dma.DomainStatistics;
import dev.outboard.iommu.DeviceCounters;

/** What the devices of a domain have counted, as the words of a message. Stateless. */
final class StatisticsWords {
    private static final int COUNT = 20;

    private StatisticsWords() {}

    static long[] write(DomainStatistics statistics) {
        DeviceCounters counters = statistics.counters();
        return new long[] {
            statistics.attachedDevices(),
            statistics.faultsDelivered(),
            statistics.faultsGarbled(),
            counters.translations(),
            counters.hits(),
            counters.misses(),
            counters.evictions(),
            counters.invalidations(),
            counters.flushes(),
            counters.domainFlushes(),
            counters.superpageHits(),
            counters.prefetches(),
            counters.prefetchesUsed(),
            counters.atsHits(),
            counters.atsMisses(),
            counters.atsInvalidations(),
            counters.sections(),
            counters.faults(),
            counters.faultsLost(),
            counters.staleHeld()
        };
    }

    static DomainStatistics read(long[] words) {
        if (words.length != COUNT) {
            throw new IllegalArgumentException(
                    "words=%d of statistics, but %d were expected".formatted(words.length, COUNT));
        }
        return new DomainStatistics(
                (int) words[0],
                new DeviceCounters(
                        words[3], words[4], words[5], words[6], words[7], words[8], words[9],
                        words[10], words[11], words[12], words[13], words[14], words[15], words[16],
                        words[17], words[18], words[19]),
                words[1],
                words[2]);
    }
}
