package dev.outboard.dma.window;

import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.DomainSource;
import dev.outboard.dma.PhysicalMemory;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * I/O address spaces of devices whose windows somebody else keeps.
 *
 * <p>Any thread.
 */
public final class WindowDomains implements DomainSource {
    private final Map<String, WindowDomain> claims = new HashMap<>();
    private boolean closed;

    /** None yet. */
    public WindowDomains() {}

    @Override
    public PhysicalMemory memory(long lengthBytes) {
        return PhysicalMemory.create(lengthBytes);
    }

    @Override
    public synchronized WindowDomain claim(
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
        WindowDomain domain = new WindowDomain(this, deviceName, memory, options);
        claims.put(deviceName, domain);
        return domain;
    }

    synchronized void forget(WindowDomain domain) {
        claims.remove(domain.name(), domain);
    }

    @Override
    public void close() {
        List<WindowDomain> open;
        synchronized (this) {
            closed = true;
            open = List.copyOf(claims.values());
        }
        open.forEach(WindowDomain::close);
    }
}
