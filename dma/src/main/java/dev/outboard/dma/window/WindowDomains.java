package dev.outboard.dma.window;

import dev.outboard.dma.DomainClaims;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.DomainSource;
import dev.outboard.dma.PhysicalMemory;

/**
 * I/O address spaces of devices whose windows somebody else keeps.
 *
 * <p>Any thread.
 */
public final class WindowDomains implements DomainSource {
    private final DomainClaims<WindowDomain> claims = new DomainClaims<>();

    /** None yet. */
    public WindowDomains() {}

    @Override
    public PhysicalMemory memory(long lengthBytes) {
        return PhysicalMemory.create(lengthBytes);
    }

    @Override
    public WindowDomain claim(String deviceName, PhysicalMemory memory, DomainOptions options) {
        return claims.claim(deviceName, () -> new WindowDomain(this, deviceName, memory, options));
    }

    void forget(WindowDomain domain) {
        claims.forget(domain);
    }

    @Override
    public void close() {
        claims.close();
    }
}
