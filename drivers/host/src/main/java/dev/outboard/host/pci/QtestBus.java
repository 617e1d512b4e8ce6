package dev.outboard.host.pci;

import dev.outboard.driver.DeviceException;
import dev.outboard.driver.DeviceId;
import dev.outboard.host.bus.Bus;
import dev.outboard.host.bus.DeviceSetup;
import dev.outboard.host.bus.HostedDevice;

/**
 * QEMU's device models without a guest, each started with its driver: for who has no hardware, and
 * wants to see a driver work on a device that others wrote.
 */
public final class QtestBus implements Bus {
    /** For the service loader. */
    public QtestBus() {}

    @Override
    public String scheme() {
        return "qtest";
    }

    @Override
    public String help() {
        return QtestPlace.HELP;
    }

    @Override
    public void check(String location) {
        QtestPlace.parse(location);
    }

    @Override
    public String deviceName(String location) {
        return QtestPlace.parse(location).name();
    }

    @Override
    public DeviceId identify(String location) {
        return QtestPlace.parse(location).id();
    }

    @Override
    public HostedDevice open(String location, DeviceSetup setup) {
        if (setup.isTranslated()) {
            throw new DeviceException(
                    "no IOMMU of ours stands before qtest:%s: take --strategy off, or see outboard"
                                    .formatted(location)
                            + " guest for QEMU's own IOMMU");
        }
        var ground = new QtestGround(QtestPlace.parse(location), setup.memory());
        PciDevice device;
        try {
            device = new PciDevice(setup, ground.function(), ground, false);
        } catch (RuntimeException failure) {
            ground.close();
            throw failure;
        }
        ground.onEnd(device::lose);
        return device;
    }
}
