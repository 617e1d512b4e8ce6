package dev.outboard.host.pci;

import dev.outboard.dma.DomainSource;
import dev.outboard.dma.window.ReservedRange;
import dev.outboard.dma.window.WindowDomains;
import dev.outboard.driver.DeviceException;
import dev.outboard.host.bus.Bus;
import dev.outboard.host.bus.DeviceAbsentException;
import dev.outboard.host.bus.DeviceSetup;
import dev.outboard.host.bus.HostedDevice;
import dev.outboard.uio.sysfs.PciPlace;
import dev.outboard.uio.sysfs.ReservedIova;
import dev.outboard.uio.sysfs.Sysfs;
import dev.outboard.uio.sysfs.SysfsFunction;
import dev.outboard.uio.vfio.VfioAccess;

/** The PCI bus of this machine: functions that are bound to VFIO. */
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
        return "pci:PLACE (PLACE of a PCI function that is bound to vfio-pci, as 0000:00:04.0)";
    }

    @Override
    public void check(String location) {
        PciPlace.parse(location);
    }

    @Override
    public String deviceName(String location) {
        return PciPlace.parse(location).toString();
    }

    @Override
    public String keeper(String location) {
        return isVfio(find(location)) ? "the kernel's IOMMU, by VFIO" : null;
    }

    private static boolean isVfio(SysfsFunction found) {
        return found.driver().filter(VFIO::equals).isPresent();
    }

    private SysfsFunction find(String location) {
        try {
            return sysfs.function(PciPlace.parse(location));
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

    private static DeviceException unusable(SysfsFunction found) {
        String bound =
                found.driver().map(driver -> "is bound to " + driver).orElse("is bound to nothing");
        return new DeviceException("%s %s: outboard bind %s".formatted(found, bound, found));
    }

    @Override
    public HostedDevice open(String location, DeviceSetup setup) {
        SysfsFunction found = find(location);
        if (!isVfio(found)) {
            throw unusable(found);
        }
        var ground = new VfioGround(found, VfioAccess.Way.NEWEST, setup);
        var device = new PciDevice(setup, ground.function(), ground, true);
        ground.function().onLost(why -> device.lose());
        return device;
    }
}
