package dev.outboard.perf.jmh;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.IommuAttachment;
import dev.outboard.dma.IommuDomain;
import dev.outboard.dma.IommuOwner;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.Strategy;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * An owner of the IOMMU, a domain, and one device that is attached and quiet, in this process. The
 * benchmark's thread owns it.
 */
final class MappedMemory implements AutoCloseable {
    private static final String DEVICE = "bench0";
    private static final long ATTACH_NANOS = TimeUnit.SECONDS.toNanos(5);

    private final Path folder;
    private final PhysicalMemory memory;
    private final IommuOwner owner;
    private final IommuDomain domain;
    private final IommuAttachment device;
    private final Dma dma;

    MappedMemory(Strategy strategy, long bytes, DomainOptions options) {
        memory = PhysicalMemory.create(bytes);
        if (strategy == Strategy.OFF) {
            folder = null;
            owner = null;
            domain = null;
            device = null;
            dma = Dma.off(memory);
            return;
        }
        try {
            folder = Files.createTempDirectory("outboard-bench-");
        } catch (IOException e) {
            throw new UncheckedIOException("no folder for the owner's socket", e);
        }
        var socket = folder.resolve("owner");
        owner = IommuOwner.listen(socket);
        domain = owner.claim(DEVICE, memory, options);
        dma = domain.dma(strategy);
        device = IommuAttachment.connect(socket, DEVICE, ATTACH_NANOS);
    }

    Dma dma() {
        return dma;
    }

    /** Memory at a bus address, as a device without an IOMMU sees it. */
    MemorySegment at(long physicalAddress, long lengthBytes) {
        var segment = memory.segments().getFirst();
        return segment.memory().asSlice(physicalAddress - segment.physicalAddress(), lengthBytes);
    }

    /** The device's side; null without an IOMMU. */
    IommuAttachment device() {
        return device;
    }

    @Override
    public void close() {
        dma.close();
        if (owner != null) {
            device.close();
            domain.close();
            owner.close();
            try {
                Files.deleteIfExists(folder);
            } catch (IOException e) {
                throw new UncheckedIOException(folder + " cannot be removed", e);
            }
        }
        memory.close();
    }
}
