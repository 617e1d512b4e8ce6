package dev.outboard.dma;

/**
 * What a mapping service has done and what it left open, measured.
 *
 * @param maps mappings made, a scatter-gather list counting once
 * @param unmaps mappings undone
 * @param flushes flushes asked of the devices
 * @param flushNanos time spent waiting for devices that were inside a DMA section
 * @param liveMappings mappings made and not undone
 * @param livePages pages under them
 * @param staleEntries pages unmapped whose IOVA may still work, now
 * @param windowEntries the most such pages at any moment
 * @param windowNanos the longest time from an unmap until its IOVA could not work any more; 0 if
 *     unmapping itself waits for that
 */
public record DmaStatistics(
        long maps,
        long unmaps,
        long flushes,
        long flushNanos,
        long liveMappings,
        long livePages,
        long staleEntries,
        long windowEntries,
        long windowNanos) {
    /** The sum with another service of the same driver; windows are those of the worse. */
    public DmaStatistics and(DmaStatistics other) {
        return new DmaStatistics(
                maps + other.maps,
                unmaps + other.unmaps,
                flushes + other.flushes,
                flushNanos + other.flushNanos,
                liveMappings + other.liveMappings,
                livePages + other.livePages,
                staleEntries + other.staleEntries,
                Math.max(windowEntries, other.windowEntries),
                Math.max(windowNanos, other.windowNanos));
    }
}
