package dev.outboard.driver;

/** The device went away under its driver. What was in flight is not known to have happened. */
public final class DeviceLostException extends DeviceException {
    private static final long serialVersionUID = 1L;

    /** The device called {@code name} went away. */
    public DeviceLostException(String name) {
        super("device " + name + " went away: its process died or closed the connection");
    }

    /**
     * The device called {@code name} went away.
     *
     * @param why in a clause, as its bus tells it
     */
    public DeviceLostException(String name, String why) {
        super("device " + name + " went away: " + why);
    }
}
