package dev.outboard.models;

import dev.outboard.backend.PortDevice;
import dev.outboard.backend.PortSettings;
import dev.outboard.backend.VhostPort;
import dev.outboard.backend.loop.DeviceLoop;

/** Opens the ports of a device model, and says what failed as a device model does. */
final class Ports {
    private Ports() {}

    /**
     * Listens from now on.
     *
     * @throws DeviceModelException if the socket cannot be listened on
     */
    static VhostPort open(DeviceLoop loop, PortSettings settings, PortDevice device) {
        try {
            return new VhostPort(loop, settings, device);
        } catch (IllegalStateException e) {
            throw new DeviceModelException(e.getMessage(), e.getCause());
        }
    }
}
