package dev.outboard.dma;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * Domains by the names of their devices: one driver has a device at a time.
 *
 * <p>For who implements a {@link DomainSource} without a process behind it. Any thread.
 *
 * @param <D> the kind of domain
 */
public final class DomainClaims<D extends IommuDomain> {
    private final Map<String, D> claims = new HashMap<>();
    private boolean closed;

    /** None yet. */
    public DomainClaims() {}

    /**
     * Claims a name.
     *
     * @param make makes the domain, if the name is free
     * @throws IllegalStateException if the name is claimed already, or this is closed
     * @throws IllegalArgumentException if it is no name
     */
    public synchronized D claim(String deviceName, Supplier<D> make) {
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
        D domain = make.get();
        claims.put(deviceName, domain);
        return domain;
    }

    /** A domain that was closed: its name is free. */
    public synchronized void forget(D domain) {
        claims.remove(domain.name(), domain);
    }

    /** Closes every domain, and claims no more. */
    public void close() {
        List<D> open;
        synchronized (this) {
            closed = true;
            open = List.copyOf(claims.values());
        }
        open.forEach(IommuDomain::close);
    }
}
