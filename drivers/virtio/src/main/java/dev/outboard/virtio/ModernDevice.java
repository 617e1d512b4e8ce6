package dev.outboard.virtio;

import dev.outboard.driver.Device;
import dev.outboard.driver.DeviceException;

/** What every virtio driver asks of its device first. */
public final class ModernDevice {
    private ModernDevice() {}

    /**
     * The features of a device of version 1 or later (VIRTIO 1.2, section 6).
     *
     * @throws DeviceException where it is a legacy device
     */
    public static long offeredFeatures(Device device) {
        long offered = device.queues().offeredFeatures();
        if ((offered & VirtioFeatures.VERSION_1) == 0) {
            throw new DeviceException(
                    "device "
                            + device.name()
                            + " is a legacy virtio device (it does not offer VIRTIO_F_VERSION_1);"
                            + " only virtio 1.0 and later are driven");
        }
        return offered;
    }
}
