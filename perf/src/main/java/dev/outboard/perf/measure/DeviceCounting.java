package dev.outboard.perf.measure;

import dev.outboard.dma.DmaStatistics;
import dev.outboard.driver.ClientContext;
import dev.outboard.iommu.DeviceCounters;

/**
 * What the mapping service, and the IOMMU in front of the device, did during the measured part. One
 * thread: start, the work, stop.
 */
public final class DeviceCounting {
    private final ClientContext context;
    private DmaStatistics dma;
    private DeviceCounters device;

    /** Counts for the context's device. */
    public DeviceCounting(ClientContext context) {
        this.context = context;
    }

    /** The measured part begins. */
    public void start() {
        dma = context.device().dma().statistics();
        device = counters();
    }

    /**
     * The measured part ended: adds what was mapped, flushed, translated and refused in it, and the
     * widest window since the driver started, which a part of a run cannot tell.
     */
    public void stop(Results row) {
        var now = context.device().dma().statistics();
        row.put("maps", now.maps() - dma.maps())
                .put("flushes", now.flushes() - dma.flushes())
                .put("flushNanos", now.flushNanos() - dma.flushNanos())
                .put("windowEntries", now.windowEntries())
                .put("windowNanos", now.windowNanos());
        var counted = counters();
        row.put("translations", counted.translations() - device.translations())
                .put("iotlbHits", counted.hits() - device.hits())
                .put("iotlbMisses", counted.misses() - device.misses())
                .put("iotlbEvictions", counted.evictions() - device.evictions())
                .put("superpageHits", counted.superpageHits() - device.superpageHits())
                .put("prefetches", counted.prefetches() - device.prefetches())
                .put("prefetchesUsed", counted.prefetchesUsed() - device.prefetchesUsed())
                .put("atsHits", counted.atsHits() - device.atsHits())
                .put("atsMisses", counted.atsMisses() - device.atsMisses())
                .put("faults", counted.faults() - device.faults());
    }

    private DeviceCounters counters() {
        var translation = context.translation();
        return translation == null ? DeviceCounters.NONE : translation.counters();
    }
}
