package dev.outboard.uio.vfio;

import dev.outboard.uio.DeviceNode;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.Mapping;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.Registers;
import dev.outboard.uio.Resources;
import dev.outboard.uio.pci.ConfigurationDescriptor;
import dev.outboard.uio.pci.ConfigurationSpace;
import dev.outboard.uio.pci.NodeRegisters;
import dev.outboard.uio.pci.PciFunction;
import dev.outboard.uio.pci.RegisterSpace;
import dev.outboard.uio.pci.SparseRegisters;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * A PCI function that the kernel gave to this process.
 *
 * <p>Registers are mapped where the kernel lets them be, and read and written by call elsewhere: a
 * page with the table of MSI-X on older kernels, a region of ports. Of the configuration space the
 * kernel shows its own view: base addresses and the capabilities of interrupts are kept from us.
 *
 * <p>Owned by who opened it; threads as {@link PciFunction} says, and {@link #onLost} any.
 */
public final class VfioFunction implements PciFunction {
    private static final Registers[] NO_REGIONS = {};

    private final DeviceNode node;
    private final String name;
    private final Resources resources = new Resources();
    private final ConfigurationSpace configuration;
    private final VfioInterrupts interrupts;
    private final boolean canReset;
    private Registers[] regions = NO_REGIONS;
    private Consumer<String> listener;
    private String loss;
    private boolean closed;

    /**
     * @param node taken over, also if this fails
     * @throws VfioException if it is no PCI function
     */
    VfioFunction(DeviceNode node, String name) {
        this.node = resources.add(node);
        this.name = name;
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment info =
                    Questions.ask(
                            scratch,
                            node,
                            "VFIO_DEVICE_GET_INFO",
                            VfioDescriptor.DEVICE_GET_INFO,
                            VfioDescriptor.DEVICE_BYTES,
                            -1);
            int flags = info.get(VfioDescriptor.U32, 4);
            int count = info.get(VfioDescriptor.U32, 8);
            canReset = (flags & VfioDescriptor.DEVICE_RESETS) != 0;
            if ((flags & VfioDescriptor.DEVICE_PCI) == 0
                    || count <= VfioDescriptor.CONFIGURATION_REGION) {
                throw new VfioException("%s is no PCI function of VFIO's".formatted(name));
            }
            configuration = configuration(scratch);
            quiet();
            interrupts =
                    resources.add(new VfioInterrupts(node, name, info.get(VfioDescriptor.U32, 12)));
            regions = regions(scratch);
            resources.add(LossWatch.start(name, interrupts, this::lose));
        } catch (RuntimeException failure) {
            resources.closeAfter(failure);
            throw failure;
        }
    }

    private ConfigurationSpace configuration(Arena scratch) {
        MemorySegment info = regionInfo(scratch, VfioDescriptor.CONFIGURATION_REGION);
        return new RegisterSpace(
                new NodeRegisters(
                        node,
                        name + " configuration",
                        info.get(VfioDescriptor.U64, VfioDescriptor.REGION_OFFSET),
                        info.get(VfioDescriptor.U64, VfioDescriptor.REGION_LENGTH)));
    }

    /** It decodes its regions, and reaches no memory. */
    private void quiet() {
        long command = configuration.read(ConfigurationDescriptor.COMMAND, Short.BYTES);
        long decode = ConfigurationDescriptor.COMMAND_IO | ConfigurationDescriptor.COMMAND_MEMORY;
        configuration.write(
                ConfigurationDescriptor.COMMAND,
                Short.BYTES,
                command & ~ConfigurationDescriptor.COMMAND_BUS_MASTER | decode);
    }

    private MemorySegment regionInfo(Arena scratch, int index) {
        return Questions.ask(
                scratch,
                node,
                "VFIO_DEVICE_GET_REGION_INFO",
                VfioDescriptor.DEVICE_GET_REGION_INFO,
                VfioDescriptor.REGION_BYTES,
                index);
    }

    private Registers[] regions(Arena scratch) {
        var found = new Registers[ConfigurationDescriptor.BASE_ADDRESS_COUNT];
        for (int index = 0; index < found.length; index++) {
            MemorySegment info = regionInfo(scratch, index);
            long length = info.get(VfioDescriptor.U64, VfioDescriptor.REGION_LENGTH);
            if (length > 0) {
                found[index] = region(index, info, length);
            }
        }
        return found;
    }

    private Registers region(int index, MemorySegment info, long length) {
        long offset = info.get(VfioDescriptor.U64, VfioDescriptor.REGION_OFFSET);
        var byCall = new NodeRegisters(node, "%s region %d".formatted(name, index), offset, length);
        if ((info.get(VfioDescriptor.U32, 4) & VfioDescriptor.REGION_MAPPABLE) == 0) {
            return byCall;
        }
        List<SparseRegisters.Area> areas = new ArrayList<>();
        for (Capabilities.Pair area : areas(info, length)) {
            Mapping mapping = map(offset, area);
            if (mapping != null) {
                areas.add(new SparseRegisters.Area(area.first(), mapping.memory()));
            }
        }
        return SparseRegisters.of(areas, byCall);
    }

    /** What can be mapped: the parts that the kernel lists, or all. */
    private static List<Capabilities.Pair> areas(MemorySegment info, long length) {
        boolean hasList =
                (info.get(VfioDescriptor.U32, 4) & VfioDescriptor.REGION_HAS_CAPABILITIES) != 0;
        long first = hasList ? Integer.toUnsignedLong(info.get(VfioDescriptor.U32, 12)) : 0;
        long at = Capabilities.find(info, first, VfioDescriptor.SPARSE_AREAS);
        return at < 0
                ? List.of(new Capabilities.Pair(0, length))
                : Capabilities.pairs(info, at).stream().filter(pair -> pair.second() > 0).toList();
    }

    /** Null where the kernel does not after all: then the part is reached by call. */
    private Mapping map(long offset, Capabilities.Pair area) {
        try {
            return resources.add(node.map(offset + area.first(), area.second(), true));
        } catch (NativeException refused) {
            return null;
        }
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
        Registers found = index < 0 || index >= regions.length ? null : regions[index];
        if (found == null) {
            throw new IllegalArgumentException(
                    "%s has no registers at base address %d".formatted(name, index));
        }
        return found;
    }

    @Override
    public int maximumVectors() {
        return interrupts.count();
    }

    @Override
    public void signal(List<EventDescriptor> events) {
        interrupts.signal(events);
    }

    @Override
    public boolean isLine() {
        return interrupts.isLine();
    }

    @Override
    public void mask(boolean isMasked) {
        interrupts.mask(isMasked);
    }

    /**
     * Has one kind of interrupts used, where it has several.
     *
     * @throws IllegalArgumentException if it has none of that kind
     * @throws IllegalStateException if it signals already
     */
    public void choose(InterruptKind kind) {
        interrupts.choose(kind.index());
    }

    /** Raises a vector that is signalled, without the device: for tests. */
    public void raise(int vector) {
        interrupts.raise(vector);
    }

    @Override
    public void reset() {
        if (!canReset) {
            throw new UnsupportedOperationException(name + " has no reset of its own");
        }
        Questions.require(node.control(VfioDescriptor.DEVICE_RESET, 0), node, "VFIO_DEVICE_RESET");
        quiet();
    }

    /**
     * Is told, in words, when the function has failed or the kernel wants it back; at once if so.
     * On a thread of the function's; short, and must not close it.
     */
    public void onLost(Consumer<String> told) {
        String already;
        synchronized (this) {
            listener = told;
            already = loss;
        }
        if (already != null) {
            told.accept(already);
        }
    }

    private void lose(String why) {
        Consumer<String> told;
        synchronized (this) {
            loss = why;
            told = listener;
        }
        if (told != null) {
            told.accept(why);
        }
    }

    /** Ends its DMA and its interrupts; the kernel resets it with its last descriptor. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        try {
            allowDma(false);
        } catch (NativeException gone) {
            // Nothing is left that could reach memory.
        } finally {
            resources.close();
        }
    }
}
