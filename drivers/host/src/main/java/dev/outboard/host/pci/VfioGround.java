package dev.outboard.host.pci;

import dev.outboard.dma.window.IdentityWindows;
import dev.outboard.dma.window.WindowDomain;
import dev.outboard.driver.DeviceException;
import dev.outboard.host.bus.DeviceSetup;
import dev.outboard.iommu.Access;
import dev.outboard.iommu.Fault;
import dev.outboard.iommu.FaultReason;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.Resources;
import dev.outboard.uio.sysfs.SysfsFunction;
import dev.outboard.uio.vfio.AddressSpace;
import dev.outboard.uio.vfio.DmaFault;
import dev.outboard.uio.vfio.IovaRange;
import dev.outboard.uio.vfio.KernelLog;
import dev.outboard.uio.vfio.VfioAccess;
import dev.outboard.uio.vfio.VfioException;
import dev.outboard.uio.vfio.VfioFunction;
import java.util.function.Consumer;

/**
 * What a device of VFIO's stands on: the function, and the memory that it reaches, by the strategy
 * of a domain or all of it. Owned by the device, which closes it last.
 */
final class VfioGround implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(VfioGround.class.getName());

    private final Resources resources = new Resources();
    private final VfioAccess access;

    /**
     * Opens the function.
     *
     * @throws DeviceException if it cannot be had, or not with such a domain
     */
    VfioGround(SysfsFunction found, PciLocation location, DeviceSetup setup) {
        try {
            access = resources.add(VfioAccess.open(found, location.way()));
            choose(location);
            var windows = new VfioWindows(access.space());
            switch (setup.domain()) {
                case null -> {
                    listen(found, fault -> setup.onFault().accept(unmapped(setup.name(), fault)));
                    resources.add(new IdentityWindows(setup.memory(), windows));
                }
                case WindowDomain domain -> attach(domain, windows, found);
                default ->
                        throw new DeviceException(
                                ("the kernel keeps the translations of %s: give --strategy alone,"
                                                + " without --iommu and --mediator")
                                        .formatted(found));
            }
        } catch (VfioException refused) {
            resources.closeAfter(refused);
            throw new DeviceException(refused.getMessage(), refused);
        } catch (RuntimeException failure) {
            resources.closeAfter(failure);
            throw failure;
        }
    }

    private void choose(PciLocation location) {
        if (location.interrupts() != null) {
            try {
                access.function().choose(location.interrupts());
            } catch (IllegalArgumentException none) {
                throw new DeviceException(
                        "%s has no interrupts of kind %s: leave out ,interrupts="
                                .formatted(location.place(), location.interrupts()),
                        none);
            }
        }
    }

    private void attach(WindowDomain domain, VfioWindows windows, SysfsFunction found) {
        requireRange(domain, access.space());
        listen(found, fault -> tell(domain, fault));
        resources.add(domain::detach);
        domain.attach(windows);
    }

    private static void requireRange(WindowDomain domain, AddressSpace space) {
        long first = domain.firstIova();
        long length = domain.endIova() - first;
        if (space.ranges().stream().noneMatch(range -> range.contains(first, length))) {
            long best =
                    space.ranges().stream()
                            .mapToLong(IovaRange::last)
                            .filter(last -> last > 0)
                            .max()
                            .orElse(0);
            throw new DeviceException(
                    ("IOVA 0x%x-0x%x is not all there behind this IOMMU, which has %s: take a"
                                    + " smaller table (--table-entries, of 4 KiB each, at most"
                                    + " 0x%x)")
                            .formatted(first, first + length - 1, space.ranges(), best >>> 12));
        }
    }

    /** Faults are told as far as this user may read the kernel's log. */
    private void listen(SysfsFunction found, Consumer<DmaFault> told) {
        try {
            resources.add(KernelLog.start(found.place(), told));
        } catch (NativeException refused) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "stopped DMA of {0} cannot be told of: {1} (sysctl kernel.dmesg_restrict=0, or"
                            + " the capability CAP_SYSLOG)",
                    found,
                    refused.getMessage());
        }
    }

    /** All of the memory is mapped, for reading and writing: it was after something else. */
    private static Fault unmapped(String name, DmaFault fault) {
        return new Fault(name, fault.iova(), access(fault), FaultReason.NOT_MAPPED);
    }

    private static int access(DmaFault fault) {
        return fault.isWrite() ? Access.WRITE : Access.READ;
    }

    private static void tell(WindowDomain domain, DmaFault fault) {
        boolean isMapped = domain.isMapped(fault.iova());
        domain.fault(
                fault.iova(),
                access(fault),
                isMapped ? FaultReason.ACCESS_DENIED : FaultReason.NOT_MAPPED);
    }

    VfioFunction function() {
        return access.function();
    }

    @Override
    public void close() {
        resources.close();
    }
}
