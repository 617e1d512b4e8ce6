package dev.outboard.dma;

import dev.outboard.iommu.Fault;
import java.util.function.Consumer;

/** One I/O address space: a table, and the devices that share it. */
public final class IommuDomain implements AutoCloseable {
    private IommuDomain() {}

    /** Lets one more device, by name, attach to this domain. */
    public void admit(String deviceName) {
        throw new UnsupportedOperationException("not built yet");
    }

    /** The mapping service of this domain; there is one at a time. */
    public Dma dma(Strategy strategy) {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Whether any device is attached. */
    public boolean isAttached() {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Waits until a device is attached; false if none came in time. */
    public boolean awaitAttached(long timeoutNanos) {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Who is told of faults, on the owner's thread; in place of who was told before. */
    public void onFault(Consumer<Fault> consumer) {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Counters of the devices. */
    public DomainStatistics statistics() {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Clears the table, flushes, and detaches the devices. */
    @Override
    public void close() {
        throw new UnsupportedOperationException("not built yet");
    }
}
