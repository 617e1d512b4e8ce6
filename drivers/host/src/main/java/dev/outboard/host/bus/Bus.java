package dev.outboard.host.bus;

/**
 * A way to reach devices. Stateless; found by {@link java.util.ServiceLoader}. Another way, PCI
 * over VFIO or vfio-user, is another implementation.
 */
public interface Bus {
    /** What stands before the colon of its addresses, as {@code vhost-user}. */
    String scheme();

    /** What its addresses look like, and what they mean: one line. */
    String help();

    /**
     * Checks what stands after the colon, without touching the device.
     *
     * @throws IllegalArgumentException when it cannot be an address; the message says why
     */
    void check(String location);

    /** The name that a device there is claimed by. */
    String deviceName(String location);

    /**
     * Opens the device: reset, idle, and not yet able to reach memory.
     *
     * @return the device; the caller closes it
     * @throws DeviceAbsentException when it is not there
     * @throws dev.outboard.driver.DeviceException when it cannot be used so
     */
    HostedDevice open(String location, DeviceSetup setup);
}
