package dev.outboard.host.vhost;

import dev.outboard.dma.DomainSource;
import dev.outboard.dma.device.DeviceDomains;
import dev.outboard.driver.DeviceId;
import dev.outboard.host.bus.Bus;
import dev.outboard.host.bus.DeviceAbsentException;
import dev.outboard.host.bus.DeviceSetup;
import dev.outboard.host.bus.HostedDevice;
import dev.outboard.host.bus.SocketPaths;
import java.nio.file.Files;
import java.nio.file.Path;

/** The bus whose devices are other processes, each behind a vhost-user socket. */
public final class VhostUserBus implements Bus {
    /** For the service loader. */
    public VhostUserBus() {}

    @Override
    public String scheme() {
        return "vhost-user";
    }

    @Override
    public String help() {
        return "vhost-user:PATH (PATH is the socket of a vhost-user back-end)";
    }

    @Override
    public void check(String location) {
        SocketPaths.check(location);
    }

    @Override
    public String deviceName(String location) {
        return SocketPaths.deviceName(location);
    }

    /** It is a virtio device; of which type, vhost-user does not tell. */
    @Override
    public DeviceId identify(String location) {
        return DeviceId.unknown("virtio");
    }

    /** The IOTLB of the device, if it has one. */
    @Override
    public DomainSource domains(String location) {
        return new DeviceDomains();
    }

    @Override
    public HostedDevice open(String location, DeviceSetup setup) {
        var socket = Path.of(location);
        if (!Files.exists(socket)) {
            throw new DeviceAbsentException(
                    "no device at "
                            + location
                            + ": there is no such socket; start the device first (outboard device"
                            + " --help)");
        }
        return VhostUserDevice.connect(socket, setup);
    }
}
