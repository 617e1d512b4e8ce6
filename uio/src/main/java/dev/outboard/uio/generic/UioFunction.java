package dev.outboard.uio.generic;

import dev.outboard.uio.DeviceNode;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.MappedRegisters;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.Registers;
import dev.outboard.uio.Resources;
import dev.outboard.uio.nativecall.ErrorNames;
import dev.outboard.uio.pci.ConfigurationDescriptor;
import dev.outboard.uio.pci.ConfigurationSpace;
import dev.outboard.uio.pci.NodeRegisters;
import dev.outboard.uio.pci.PciFunction;
import dev.outboard.uio.pci.RegisterSpace;
import dev.outboard.uio.sysfs.PciResource;
import dev.outboard.uio.sysfs.SysfsFunction;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/**
 * A PCI function bound to {@code uio_pci_generic}: no IOMMU, and one line for an interrupt.
 *
 * <p>Its node is locked, since UIO lets any number of processes have it. Owned by who opened it;
 * threads as {@link PciFunction} says. When the process dies the kernel ends the function's DMA,
 * but does not reset it: that is done when it is opened again.
 */
public final class UioFunction implements PciFunction {
    /** The driver of the kernel's. */
    public static final String DRIVER = "uio_pci_generic";

    private final SysfsFunction found;
    private final String name;
    private final Resources resources = new Resources();
    private final Registers[] regions = new Registers[ConfigurationDescriptor.BASE_ADDRESS_COUNT];
    private final ConfigurationSpace configuration;
    private final UioLine line;
    private boolean closed;

    private UioFunction(SysfsFunction found, Path node) {
        this.found = found;
        name = found.place().toString();
        try {
            lock(node);
            configuration = openConfiguration();
            quiet();
            if (found.canReset()) {
                reset();
            }
            line = hasLine() ? resources.add(new UioLine(name, open(node), configuration)) : null;
            for (PciResource resource : found.resources()) {
                regions[resource.index()] = region(resource);
            }
        } catch (RuntimeException failure) {
            resources.closeAfter(failure);
            throw failure;
        }
    }

    /**
     * Opens a function, reset, without DMA, silent.
     *
     * @throws IllegalStateException if it cannot be had; the message names the cause and the remedy
     */
    public static UioFunction open(SysfsFunction found) {
        int number =
                found.uioNumber()
                        .orElseThrow(
                                () ->
                                        new IllegalStateException(
                                                "%s has no node of UIO: outboard bind %s --to %s"
                                                        .formatted(found, found, DRIVER)));
        return new UioFunction(found, Path.of("/dev/uio" + number));
    }

    private void lock(Path node) {
        try {
            // Freed with the process, however it ends.
            FileChannel channel = resources.add(FileChannel.open(node, StandardOpenOption.WRITE));
            FileLock held = channel.tryLock();
            if (held == null) {
                throw inUse(node);
            }
        } catch (OverlappingFileLockException ours) {
            throw inUse(node);
        } catch (IOException refused) {
            throw new IllegalStateException(
                    "%s may not be opened by this user: %s: chown %s %s"
                            .formatted(
                                    node,
                                    refused.getMessage(),
                                    System.getProperty("user.name"),
                                    node),
                    refused);
        }
    }

    private IllegalStateException inUse(Path node) {
        return new IllegalStateException(
                "%s (%s) is in use: another process drives it".formatted(name, node));
    }

    private DeviceNode open(Path file) {
        try {
            return resources.add(DeviceNode.open(file));
        } catch (NativeException refused) {
            boolean isForbidden =
                    refused.errno() == ErrorNames.EACCES || refused.errno() == ErrorNames.EPERM;
            throw new IllegalStateException(
                    refused.getMessage()
                            + (isForbidden ? ": UIO needs root for the files of sysfs" : ""),
                    refused);
        }
    }

    private ConfigurationSpace openConfiguration() {
        try {
            long length = Files.size(found.configuration());
            boolean isExtended = length >= ConfigurationDescriptor.EXTENDED_LENGTH_BYTES;
            return new RegisterSpace(
                    new NodeRegisters(
                            open(found.configuration()),
                            name + " configuration",
                            0,
                            isExtended
                                    ? ConfigurationDescriptor.EXTENDED_LENGTH_BYTES
                                    : ConfigurationDescriptor.LENGTH_BYTES));
        } catch (IOException gone) {
            throw new UncheckedIOException(gone);
        }
    }

    /** It decodes its regions, reaches no memory, and does not interrupt. */
    private void quiet() {
        long command = configuration.read(ConfigurationDescriptor.COMMAND, Short.BYTES);
        configuration.write(
                ConfigurationDescriptor.COMMAND,
                Short.BYTES,
                command & ~ConfigurationDescriptor.COMMAND_BUS_MASTER
                        | ConfigurationDescriptor.COMMAND_MEMORY
                        | ConfigurationDescriptor.COMMAND_IO
                        | ConfigurationDescriptor.COMMAND_INTX_DISABLE);
    }

    private boolean hasLine() {
        return configuration.read(ConfigurationDescriptor.INTERRUPT_PIN, 1) != 0;
    }

    private Registers region(PciResource resource) {
        DeviceNode file = open(found.resourceFile(resource.index()));
        if (resource.isMemory()) {
            var mapping = resources.add(file.map(0, resource.lengthBytes(), true));
            return new MappedRegisters(mapping.memory());
        }
        return new NodeRegisters(
                file, "%s region %d".formatted(name, resource.index()), 0, resource.lengthBytes());
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public ConfigurationSpace configuration() {
        return configuration;
    }

    @Override
    public Registers region(int index) {
        Registers there = index < 0 || index >= regions.length ? null : regions[index];
        if (there == null) {
            throw new IllegalArgumentException(
                    "%s has no registers at base address %d".formatted(name, index));
        }
        return there;
    }

    @Override
    public int maximumVectors() {
        return line == null ? 0 : 1;
    }

    @Override
    public boolean isLine() {
        return true;
    }

    @Override
    public void mask(boolean isMasked) {
        if (line != null) {
            line.mask(isMasked);
        }
    }

    @Override
    public void signal(List<EventDescriptor> events) {
        if (line != null) {
            line.signal(events);
        } else if (!events.isEmpty()) {
            throw new IllegalArgumentException(name + " has no interrupt");
        }
    }

    /** Interrupts that came while nobody looked. Any thread. */
    public long missedInterrupts() {
        return line == null ? 0 : line.missed();
    }

    /** By the kernel, which knows which reset a function has. */
    @Override
    public void reset() {
        if (!found.canReset()) {
            throw new UnsupportedOperationException(name + " has no reset of its own");
        }
        try {
            Files.writeString(found.folder().resolve("reset"), "1");
        } catch (IOException refused) {
            throw new IllegalStateException(
                    "%s cannot be reset: %s".formatted(name, refused.getMessage()), refused);
        }
        quiet();
    }

    /** Ends its DMA, masks it, and resets it. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        try {
            quiet();
            if (found.canReset()) {
                reset();
            }
        } catch (NativeException | IllegalStateException gone) {
            // Unplugged: nothing is left that could reach memory.
        } finally {
            resources.close();
        }
    }
}
