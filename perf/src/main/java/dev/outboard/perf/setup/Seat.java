package dev.outboard.perf.setup;

import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.DomainSource;
import dev.outboard.dma.IommuDomain;
import dev.outboard.dma.IommuOwner;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.mediator.MediatorClient;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * What a driver has before it maps anything: physical memory, and a domain for its device, from the
 * owner of the IOMMU in its own process or from the mediator. One thread.
 */
public final class Seat implements AutoCloseable {
    /** The name of the one device. */
    public static final String DEVICE = "dev0";

    private static final String CLIENT = "driver";
    private static final long CONNECT_NANOS = TimeUnit.SECONDS.toNanos(30);

    private final DomainSource source;
    private final PhysicalMemory memory;
    private final IommuDomain domain;

    private Seat(DomainSource source, PhysicalMemory memory, IommuDomain domain) {
        this.source = source;
        this.memory = memory;
        this.domain = domain;
    }

    /**
     * Takes memory and claims the device.
     *
     * @param socket driver: where the device attaches; mediator: where that one listens to clients
     */
    public static Seat open(Owner owner, Path socket, long memoryBytes, DomainOptions options) {
        var source =
                switch (owner) {
                    case DRIVER -> IommuOwner.listen(socket);
                    case MEDIATOR -> MediatorClient.connect(socket, CLIENT, CONNECT_NANOS);
                    case NONE -> throw new IllegalArgumentException("owner=NONE has no domain");
                };
        PhysicalMemory memory = null;
        try {
            memory = source.memory(memoryBytes);
            return new Seat(source, memory, source.claim(DEVICE, memory, options));
        } catch (RuntimeException failure) {
            source.close();
            if (memory != null) {
                memory.close();
            }
            throw failure;
        }
    }

    /** The memory of the driver. */
    public PhysicalMemory memory() {
        return memory;
    }

    /** The I/O address space of the device. */
    public IommuDomain domain() {
        return domain;
    }

    @Override
    public void close() {
        try {
            domain.close();
        } finally {
            source.close();
            memory.close();
        }
    }
}
