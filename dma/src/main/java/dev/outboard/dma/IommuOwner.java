package dev.outboard.dma;

import java.nio.file.Path;

/** The owner of the IOMMU in the driver's own process: devices attach to it over a socket. */
public final class IommuOwner implements AutoCloseable {
    private IommuOwner() {}

    /** Listens; a daemon thread serves devices from then on. */
    public static IommuOwner listen(Path socket) {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Makes a domain for the device of that name, which attaches now or later. */
    public IommuDomain claim(String deviceName, PhysicalMemory memory, DomainOptions options) {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Closes all domains and the socket. */
    @Override
    public void close() {
        throw new UnsupportedOperationException("not built yet");
    }
}
