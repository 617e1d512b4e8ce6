package dev.outboard.virtio.net;

import dev.outboard.driver.Device;
import dev.outboard.driver.DeviceException;
import dev.outboard.virtio.ModernDevice;
import dev.outboard.virtio.NetDescriptor;
import dev.outboard.virtio.VirtioFeatures;

/**
 * How a device is driven: what is accepted of what it offers (VIRTIO 1.2, sections 5.1.2 and
 * 5.1.3).
 *
 * <pre>
 *   queue   0          1           2          3            …   2N
 *           receive 0  transmit 0  receive 1  transmit 1   …   control
 * </pre>
 *
 * <p>N is 1 where several pairs are not agreed on, else the most that the device has. Behind
 * vhost-user a device may have no configuration space to read: then the control queue is nobody's,
 * and a pair is used because it is started.
 *
 * @param pairs how many pairs of queues are used
 * @param controlQueue the number of the control queue; 0 where there is none
 */
record NetShape(long features, NetConfig config, int pairs, int controlQueue) {
    private static final int MOST_PAIRS = 0x8000;

    /** Looks at a device and accepts its features. */
    static NetShape agree(Device device) {
        var transport = device.queues();
        long offered = ModernDevice.offeredFeatures(device);
        int queues = transport.queueCount();
        if (queues < 2) {
            throw new DeviceException(
                    "device "
                            + device.name()
                            + " has "
                            + queues
                            + " queue: a network device has two or more; is it a disk?");
        }
        byte[] config = transport.readConfig(0, NetDescriptor.CONFIG_BYTES);
        boolean mayHaveMany = (offered & VirtioFeatures.NET_MQ) != 0;
        boolean mayControl = config != null && (offered & VirtioFeatures.NET_CTRL_VQ) != 0;
        int most = !mayHaveMany ? 1 : config == null ? queues / 2 : NetConfig.pairs(config);
        if (most < 1 || most > MOST_PAIRS) {
            throw new DeviceException(
                    "device %s claims %d pairs of queues".formatted(device.name(), most));
        }
        int pairs = Math.min(Math.min(device.queueLimit(), most), queues / 2);
        if (config != null && !(mayControl && queues > 2 * most)) {
            // Nobody could tell the device of more.
            pairs = 1;
        }
        int controlQueue = pairs > 1 ? 2 * most : 2;
        boolean hasControl = mayControl && queues > controlQueue;
        long features =
                NetFeatures.accepted(
                        offered, config != null, device.receiveOffloads(), hasControl, pairs);
        transport.acceptFeatures(features);
        return new NetShape(
                features, NetConfig.read(config, features), pairs, hasControl ? controlQueue : 0);
    }
}
