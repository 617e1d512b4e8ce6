package dev.outboard.uio.qtest;

import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.Registers;
import dev.outboard.uio.pci.BaseAddress;
import dev.outboard.uio.pci.Capability;
import dev.outboard.uio.pci.ConfigurationDescriptor;
import dev.outboard.uio.pci.ConfigurationSpace;
import dev.outboard.uio.pci.MsiCapability;
import dev.outboard.uio.pci.MsixTable;
import dev.outboard.uio.pci.PciFunction;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** A PCI function of a machine without a guest: see {@link QtestMachine}. */
final class QtestFunction implements PciFunction {
    private static final int POWER_CONTROL = 4;
    private static final int POWER_STATE_MASK = 3;
    private static final int POWER_D3 = 3;
    private static final int POWER_NO_SOFT_RESET = 1 << 3;
    private static final int EXPRESS_CAPABILITIES = 4;
    private static final int EXPRESS_CONTROL = 8;
    private static final long EXPRESS_HAS_FLR = 1 << 28;
    private static final int EXPRESS_START_FLR = 1 << 15;

    private final QtestMachine machine;
    private final String name;
    private final ConfigurationSpace configuration;
    private final List<BaseAddress> baseAddresses;
    private final Registers[] regions = new Registers[ConfigurationDescriptor.BASE_ADDRESS_COUNT];
    private final long[] places = new long[ConfigurationDescriptor.BASE_ADDRESS_COUNT];
    private final Optional<MsixTable> msix;
    private final Optional<MsiCapability> msi;
    private int[] words = {};
    private boolean closed;

    QtestFunction(QtestMachine machine, String name, ConfigurationSpace configuration) {
        this.machine = machine;
        this.name = name;
        this.configuration = configuration;
        baseAddresses = BaseAddress.of(configuration);
        for (BaseAddress address : baseAddresses) {
            if (address.isMemory()) {
                places[address.index()] = machine.placeFor(address.lengthBytes());
                regions[address.index()] =
                        machine.registers(places[address.index()], address.lengthBytes());
            }
        }
        place();
        msix =
                Capability.find(configuration, Capability.MSIX)
                        .map(found -> new MsixTable(configuration, found));
        msi =
                Capability.find(configuration, Capability.MSI)
                        .map(found -> new MsiCapability(configuration, found));
    }

    /** Tells it where its regions are, and has it decode them, without DMA. */
    private void place() {
        for (BaseAddress address : baseAddresses) {
            long at = places[address.index()];
            if (address.isMemory()) {
                configuration.write(address.offset(), Integer.BYTES, at);
            }
            if (address.isWide()) {
                configuration.write(
                        address.offset() + Integer.BYTES, Integer.BYTES, at >>> Integer.SIZE);
            }
        }
        configuration.write(
                ConfigurationDescriptor.COMMAND,
                Short.BYTES,
                ConfigurationDescriptor.COMMAND_MEMORY
                        | ConfigurationDescriptor.COMMAND_INTX_DISABLE);
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
        return msix.map(MsixTable::vectors).orElse(msi.isPresent() ? 1 : 0);
    }

    @Override
    public void signal(List<EventDescriptor> events) {
        if (events.size() > maximumVectors()) {
            throw new IllegalArgumentException(
                    "%s has %d interrupt vectors, not %d"
                            .formatted(name, maximumVectors(), events.size()));
        }
        silence();
        int[] taken = new int[events.size()];
        for (int vector = 0; vector < taken.length; vector++) {
            taken[vector] = machine.mailbox().take(events.get(vector));
            words = Arrays.copyOf(taken, vector + 1);
            long address = machine.mailboxAddress() + (long) taken[vector] * Integer.BYTES;
            if (msix.isPresent()) {
                msix.get().set(region(msix.get().region()), vector, address, 1);
            } else {
                msi.orElseThrow().enable(address, 1);
            }
        }
        if (taken.length > 0) {
            msix.ifPresent(table -> table.enable(true));
        }
    }

    private void silence() {
        try {
            maskAll();
        } catch (PeerGoneException gone) {
            // A QEMU that ended signals nothing any more.
        }
        for (int word : words) {
            machine.mailbox().giveBack(word);
        }
        words = new int[0];
    }

    private void maskAll() {
        for (int vector = 0; vector < words.length && msix.isPresent(); vector++) {
            msix.get().mask(region(msix.get().region()), vector);
        }
        msix.ifPresent(table -> table.enable(false));
        msi.ifPresent(MsiCapability::disable);
    }

    /** By the function-level reset of PCI Express, else by way of the power state D3. */
    @Override
    public void reset() {
        silence();
        Optional<Capability> express = Capability.find(configuration, Capability.PCI_EXPRESS);
        Optional<Capability> power = Capability.find(configuration, Capability.POWER_MANAGEMENT);
        if (express.isPresent() && hasFunctionLevelReset(express.get())) {
            configuration.write(
                    express.get().offset() + EXPRESS_CONTROL, Short.BYTES, EXPRESS_START_FLR);
        } else if (power.isPresent() && isResetByPower(power.get())) {
            int control = power.get().offset() + POWER_CONTROL;
            long on = configuration.read(control, Short.BYTES) & ~POWER_STATE_MASK;
            configuration.write(control, Short.BYTES, on | POWER_D3);
            configuration.write(control, Short.BYTES, on);
        } else {
            throw new UnsupportedOperationException(name + " has no reset of its own");
        }
        place();
    }

    private boolean hasFunctionLevelReset(Capability express) {
        int offset = express.offset() + EXPRESS_CAPABILITIES;
        return (configuration.read(offset, Integer.BYTES) & EXPRESS_HAS_FLR) != 0;
    }

    private boolean isResetByPower(Capability power) {
        int offset = power.offset() + POWER_CONTROL;
        return (configuration.read(offset, Short.BYTES) & POWER_NO_SOFT_RESET) == 0;
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        try {
            if (!machine.isGone()) {
                allowDma(false);
                silence();
            }
        } finally {
            machine.closed(name);
        }
    }
}
