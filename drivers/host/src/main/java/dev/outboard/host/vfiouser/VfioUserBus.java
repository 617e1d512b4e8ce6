package dev.outboard.host.vfiouser;

import dev.outboard.dma.DomainSource;
import dev.outboard.dma.window.IdentityWindows;
import dev.outboard.dma.window.WindowDomain;
import dev.outboard.dma.window.WindowDomains;
import dev.outboard.driver.DeviceException;
import dev.outboard.host.bus.Bus;
import dev.outboard.host.bus.DeviceAbsentException;
import dev.outboard.host.bus.DeviceSetup;
import dev.outboard.host.bus.HostedDevice;
import dev.outboard.host.bus.SocketPaths;
import dev.outboard.host.pci.PciDevice;
import dev.outboard.uio.ConnectionRefusedException;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.PeerTimeoutException;
import dev.outboard.uio.vfiouser.VfioUserClient;
import dev.outboard.uio.vfiouser.VfioUserException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** The bus whose devices are other processes, each behind a vfio-user socket. */
public final class VfioUserBus implements Bus {
    private static final long TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(5);

    /** For the service loader. */
    public VfioUserBus() {}

    @Override
    public String scheme() {
        return "vfio-user";
    }

    @Override
    public String help() {
        return "vfio-user:PATH (PATH is the socket of a vfio-user server)";
    }

    @Override
    public void check(String location) {
        SocketPaths.check(location);
    }

    @Override
    public String deviceName(String location) {
        return SocketPaths.deviceName(location);
    }

    @Override
    public String keeper(String location) {
        return "the device's own process, by DMA_MAP";
    }

    @Override
    public DomainSource domains(String location) {
        return new WindowDomains();
    }

    @Override
    public HostedDevice open(String location, DeviceSetup setup) {
        Path socket = Path.of(location);
        if (!Files.exists(socket)) {
            throw new DeviceAbsentException(
                    "no device at "
                            + location
                            + ": there is no such socket; start the device first (outboard device"
                            + " --help)");
        }
        VfioUserClient client = connect(socket);
        try {
            reveal(client, setup);
            client.reset();
        } catch (RuntimeException failure) {
            client.close();
            throw refused(location, failure);
        }
        PciDevice device = new PciDevice(setup, client);
        client.onGone(device::lose);
        return device;
    }

    private static VfioUserClient connect(Path socket) {
        try {
            return VfioUserClient.connect(socket, TIMEOUT_NANOS);
        } catch (ConnectionRefusedException | PeerGoneException | PeerTimeoutException none) {
            throw new DeviceAbsentException(
                    "no device answers at %s: %s".formatted(socket, none.getMessage()), none);
        } catch (VfioUserException | NativeException failure) {
            throw refused(socket.toString(), failure);
        }
    }

    /** Tells the server what it may reach. Behind an IOMMU of ours that is its owner's to say. */
    private static void reveal(VfioUserClient client, DeviceSetup setup) {
        VfioUserWindows windows = new VfioUserWindows(client);
        if (setup.domain() == null) {
            client.closeFirst(new IdentityWindows(setup.memory(), windows));
        } else if (setup.domain() instanceof WindowDomain domain) {
            domain.attach(windows);
            client.closeFirst(domain::detach);
        }
    }

    private static DeviceException refused(String location, RuntimeException failure) {
        if (failure instanceof DeviceException known) {
            return known;
        }
        return new DeviceException(
                "device vfio-user:%s cannot be used: %s".formatted(location, failure.getMessage()),
                failure);
    }
}
