package dev.outboard.dma.device;

import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.DomainSource;
import dev.outboard.dma.PageKind;
import dev.outboard.dma.PhysicalMemory;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * I/O address spaces of devices that have an IOTLB of their own: the translations are kept in this
 * process, and each device is fed with those it needs.
 *
 * <p>Any thread.
 */
public final class DeviceDomains implements DomainSource {
    private final Map<String, DeviceDomain> claims = new HashMap<>();
    private boolean closed;

    /** None yet. */
    public DeviceDomains() {}

    @Override
    public PhysicalMemory memory(long lengthBytes) {
        return PhysicalMemory.create(lengthBytes);
    }

    @Override
    public PhysicalMemory memory(long lengthBytes, PageKind pages) {
        return PhysicalMemory.create(pages, lengthBytes);
    }

    @Override
    public synchronized DeviceDomain claim(
            String deviceName, PhysicalMemory memory, DomainOptions options) {
        if (closed) {
            throw new IllegalStateException("the domains of devices are closed");
        }
        if (deviceName.isBlank()) {
            throw new IllegalArgumentException("a device needs a name");
        }
        if (claims.containsKey(deviceName)) {
            throw new IllegalStateException(
                    "device=%s is claimed already: one driver has it at a time"
                            .formatted(deviceName));
        }
        DeviceDomain domain = new DeviceDomain(this, deviceName, memory, options);
        claims.put(deviceName, domain);
        return domain;
    }

    synchronized void forget(DeviceDomain domain) {
        claims.remove(domain.name(), domain);
    }

    @Override
    public void close() {
        List<DeviceDomain> open;
        synchronized (this) {
            closed = true;
            open = List.copyOf(claims.values());
        }
        open.forEach(DeviceDomain::close);
    }
}
