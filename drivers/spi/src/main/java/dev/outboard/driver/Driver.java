package dev.outboard.driver;

/**
 * A device driver: a JPMS module {@code provides} one of these, and the host starts it on a device
 * it matches, in a process of its own.
 *
 * <p>A driver holds no policy: which strategy maps its memory, how long it spins before it sleeps
 * and who its clients are is decided by the host.
 */
public interface Driver {
    /** The name people use for it on the command line, as {@code virtio-net}. */
    String name();

    /** The devices this driver can drive. */
    Match match();

    /**
     * The kind of service that it starts, by which a user who does not care for the driver's name
     * can ask for one that fits the device: {@code outboard run net}.
     */
    default Class<? extends Service> service() {
        return Service.class;
    }

    /**
     * Brings the device up and returns what clients use. Called once, on the host's main thread.
     *
     * @param device the device, reset and idle; the driver borrows it and must not close it
     * @return the running service; closing it quiesces the device and gives every resource back
     * @throws DeviceException when the device is not what it claimed, or lacks what the driver
     *     needs; the driver has released by then whatever it took
     */
    Service start(Device device);
}
