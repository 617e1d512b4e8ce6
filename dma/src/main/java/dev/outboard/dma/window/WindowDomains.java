package dev.outboard.dma.window;

import dev.outboard.dma.DomainClaims;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.DomainSource;
import dev.outboard.dma.PageKind;
import dev.outboard.dma.PhysicalMemory;
import java.util.List;

/**
 * I/O address spaces of devices whose windows somebody else keeps.
 *
 * <p>Any thread.
 */
public final class WindowDomains implements DomainSource {
    private final DomainClaims<WindowDomain> claims = new DomainClaims<>();

    private final List<ReservedRange> reserved;

    /** None yet. */
    public WindowDomains() {
        this(List.of());
    }

    /**
     * None yet.
     *
     * @param reserved where no window can be
     */
    public WindowDomains(List<ReservedRange> reserved) {
        this.reserved = List.copyOf(reserved);
    }

    @Override
    public PhysicalMemory memory(long lengthBytes) {
        return PhysicalMemory.create(lengthBytes);
    }

    /** Made by this process, of whatever pages. */
    @Override
    public PhysicalMemory memory(long lengthBytes, PageKind pages) {
        return PhysicalMemory.create(pages, lengthBytes);
    }

    @Override
    public WindowDomain claim(String deviceName, PhysicalMemory memory, DomainOptions options) {
        return claims.claim(
                deviceName, () -> new WindowDomain(this, deviceName, memory, options, reserved));
    }

    void forget(WindowDomain domain) {
        claims.forget(domain);
    }

    @Override
    public void close() {
        claims.close();
    }
}
