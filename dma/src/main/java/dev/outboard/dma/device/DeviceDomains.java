package dev.outboard.dma.device;

import dev.outboard.dma.DomainClaims;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.DomainSource;
import dev.outboard.dma.PageKind;
import dev.outboard.dma.PhysicalMemory;

/**
 * I/O address spaces of devices that have an IOTLB of their own: the translations are kept in this
 * process, and each device is fed with those it needs.
 *
 * <p>Any thread.
 */
public final class DeviceDomains implements DomainSource {
    private final DomainClaims<DeviceDomain> claims = new DomainClaims<>();

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
    public DeviceDomain claim(String deviceName, PhysicalMemory memory, DomainOptions options) {
        return claims.claim(deviceName, () -> new DeviceDomain(this, deviceName, memory, options));
    }

    void forget(DeviceDomain domain) {
        claims.forget(domain);
    }

    @Override
    public void close() {
        claims.close();
    }
}
