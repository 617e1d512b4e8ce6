package dev.outboard.host.run;

import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.DomainStatistics;
import dev.outboard.dma.IommuDomain;
import dev.outboard.dma.LentMemory;
import dev.outboard.dma.OutOfDmaMemoryException;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.Device;
import dev.outboard.uio.MemoryFile;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BooleanSupplier;

/** What one run of a client is given, and what it gave. Any thread. */
final class ClientRun implements ClientContext {
    private final Device device;
    private final IommuDomain domain;
    private final MemoryTides tides;
    private final Map<String, String> options;
    private final BooleanSupplier stop;
    private final RunReport report;
    private final Map<String, Object> results = new LinkedHashMap<>();
    private boolean ready;

    /**
     * @param domain the I/O address space of the device, or null without an IOMMU
     * @param tides tells of memory that comes and goes
     * @param stop whether the client is to end, but for what becomes of the device
     * @param report told when the client is set up, and how far it is
     */
    ClientRun(
            Device device,
            IommuDomain domain,
            MemoryTides tides,
            Map<String, String> options,
            BooleanSupplier stop,
            RunReport report) {
        this.device = device;
        this.domain = domain;
        this.tides = tides;
        this.options = options;
        this.stop = stop;
        this.report = report;
    }

    @Override
    public Device device() {
        return device;
    }

    @Override
    public Map<String, String> options() {
        return options;
    }

    @Override
    public boolean isStopping() {
        return stop.getAsBoolean() || device.isLost();
    }

    @Override
    public void ready() {
        synchronized (results) {
            if (ready) {
                return;
            }
            ready = true;
        }
        report.ready();
    }

    @Override
    public void result(String name, Object value) {
        synchronized (results) {
            results.put(name, value);
        }
    }

    @Override
    public void progress(String text, Map<String, Object> fields) {
        report.progress(text, fields);
    }

    @Override
    public DomainStatistics translation() {
        return domain == null ? null : domain.statistics();
    }

    @Override
    public long memoryChanges() {
        return tides.changes();
    }

    @Override
    public DmaMemory allocate(long lengthBytes) {
        var newest = tides.newest();
        if (newest != null) {
            try {
                return device.dma().allocate(lengthBytes, newest);
            } catch (OutOfDmaMemoryException elsewhere) {
                // It is full, or wanted back, or gone.
            }
        }
        return device.dma().allocate(lengthBytes);
    }

    @Override
    public LentMemory borrow(MemoryFile file) {
        return tides.memory().lend(file);
    }

    Map<String, Object> results() {
        synchronized (results) {
            return Collections.unmodifiableMap(new LinkedHashMap<>(results));
        }
    }
}
