package dev.outboard.host.pci;

import dev.outboard.dma.DomainSource;
import dev.outboard.dma.PageKind;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.window.ReservedRange;
import dev.outboard.dma.window.WindowDomains;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.DeviceId;
import dev.outboard.host.bus.Bus;
import dev.outboard.host.bus.DeviceAbsentException;
import dev.outboard.host.bus.DeviceSetup;
import dev.outboard.host.bus.HostedDevice;
import dev.outboard.uio.generic.UioFunction;
import dev.outboard.uio.sysfs.ReservedIova;
import dev.outboard.uio.sysfs.Sysfs;
import dev.outboard.uio.sysfs.SysfsFunction;

/**
 * The PCI bus of this machine: functions that are bound to VFIO, where the kernel's IOMMU stands
 * before them, or to UIO, where nothing does.
 */
public final class PciBus implements Bus {
    private static final String VFIO = "vfio-pci";

    private final Sysfs sysfs;

    /** For the service loader. */
    public PciBus() {
        this(Sysfs.ofThisMachine());
    }

    PciBus(Sysfs sysfs) {
        this.sysfs = sysfs;
    }

    @Override
    public String scheme() {
        return "pci";
    }

    @Override
    public String help() {
        return "pci:PLACE (PLACE of a PCI function, as 0000:00:04.0, that is bound to vfio-pci, or,"
                + " with --no-iommu, to uio_pci_generic; ,by=group|device and"
                + " ,interrupts=line|msi|msix may follow)";
    }

    @Override
    public void check(String location) {
        PciLocation.parse(location);
    }

    @Override
    public String deviceName(String location) {
        return PciLocation.parse(location).place().toString();
    }

    @Override
    public DeviceId identify(String location) {
        return PciDevice.id(find(location).identity());
    }

    @Override
    public String keeper(String location) {
        return isVfio(find(location)) ? "the kernel's IOMMU, by VFIO" : null;
    }

    private static boolean isVfio(SysfsFunction found) {
        return found.driver().filter(VFIO::equals).isPresent();
    }

    private static boolean isUio(SysfsFunction found) {
        return found.driver().filter(UioFunction.DRIVER::equals).isPresent();
    }

    private SysfsFunction find(String location) {
        try {
            return sysfs.function(PciLocation.parse(location).place());
        } catch (IllegalArgumentException none) {
            throw new DeviceAbsentException(none.getMessage());
        }
    }

    @Override
    public DomainSource domains(String location) {
        SysfsFunction found = find(location);
        if (!isVfio(found)) {
            throw unusable(found);
        }
        return new WindowDomains(
                found.reservedIova().stream()
                        .filter(range -> !range.isRelaxable())
                        .map(PciBus::reserved)
                        .toList());
    }

    private static ReservedRange reserved(ReservedIova range) {
        return new ReservedRange(range.first(), range.last());
    }

    /** Behind UIO a device has to be told where memory really is. */
    @Override
    public PhysicalMemory memory(
            String location, long lengthBytes, PageKind pages, boolean noIommu) {
        SysfsFunction found = find(location);
        if (!isUio(found)) {
            return PhysicalMemory.create(pages, lengthBytes);
        }
        requireConsent(found, noIommu);
        if (pages != PageKind.AUTO && pages != PageKind.HUGE_2M) {
            throw new DeviceException(
                    ("%s reaches memory without an IOMMU, which takes pages of 2 MiB: leave out"
                                    + " --pages")
                            .formatted(found));
        }
        try {
            return PhysicalMemory.createReal(lengthBytes);
        } catch (IllegalStateException missing) {
            throw new DeviceException(missing.getMessage(), missing);
        }
    }

    private static void requireConsent(SysfsFunction found, boolean noIommu) {
        if (!noIommu) {
            throw new DeviceException(
                    ("%s is bound to %s: nothing would keep it from any memory of this machine:"
                                    + " outboard bind %s (to vfio-pci), or, where every such device"
                                    + " and its driver are trusted, --no-iommu")
                            .formatted(found, UioFunction.DRIVER, found));
        }
    }

    private static DeviceException unusable(SysfsFunction found) {
        String bound =
                found.driver().map(driver -> "is bound to " + driver).orElse("is bound to nothing");
        return new DeviceException("%s %s: outboard bind %s".formatted(found, bound, found));
    }

    @Override
    public HostedDevice open(String location, DeviceSetup setup) {
        SysfsFunction found = find(location);
        if (isVfio(found)) {
            return openVfio(found, PciLocation.parse(location), setup);
        }
        if (isUio(found)) {
            return openUio(found, setup);
        }
        throw unusable(found);
    }

    private static HostedDevice openVfio(
            SysfsFunction found, PciLocation location, DeviceSetup setup) {
        var ground = new VfioGround(found, location, setup);
        var device = new PciDevice(setup, ground.function(), ground, true);
        ground.function().onLost(device::lose);
        return device;
    }

    private static HostedDevice openUio(SysfsFunction found, DeviceSetup setup) {
        requireConsent(found, setup.noIommu());
        if (setup.isTranslated()) {
            throw new DeviceException(
                    "%s is bound to %s, and no IOMMU stands before it: take --strategy off"
                            .formatted(found, UioFunction.DRIVER));
        }
        try {
            return new PciDevice(setup, UioFunction.open(found));
        } catch (IllegalStateException refused) {
            throw new DeviceException(refused.getMessage(), refused);
        }
    }
}
