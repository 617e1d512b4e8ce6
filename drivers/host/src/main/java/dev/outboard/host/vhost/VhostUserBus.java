package dev.outboard.host.vhost;

import dev.outboard.dma.DomainSource;
import dev.outboard.dma.device.DeviceDomains;
import dev.outboard.host.bus.Bus;
import dev.outboard.host.bus.DeviceAbsentException;
import dev.outboard.host.bus.DeviceSetup;
import dev.outboard.host.bus.HostedDevice;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/** The bus whose devices are other processes, each behind a vhost-user socket. */
public final class VhostUserBus implements Bus {
    /** {@code sun_path} of {@code sockaddr_un} holds 108 bytes, the last of them 0 (unix(7)). */
    private static final int PATH_BYTES = 107;

    private static final String SUFFIX = ".sock";

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
        var bytes = location.getBytes(StandardCharsets.UTF_8).length;
        if (bytes > PATH_BYTES) {
            throw new IllegalArgumentException(
                    "the socket path is "
                            + bytes
                            + " bytes long and a UNIX socket takes "
                            + PATH_BYTES
                            + ": use a shorter path, or a relative one: "
                            + location);
        }
        try {
            var name = Path.of(location).getFileName();
            if (name == null) {
                throw new IllegalArgumentException(location + " names no socket");
            }
        } catch (InvalidPathException e) {
            throw new IllegalArgumentException(location + " is no path: " + e.getReason(), e);
        }
    }

    @Override
    public String deviceName(String location) {
        var file = Path.of(location).getFileName().toString();
        return file.endsWith(SUFFIX) && file.length() > SUFFIX.length()
                ? file.substring(0, file.length() - SUFFIX.length())
                : file;
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
