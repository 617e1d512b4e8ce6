package dev.outboard.driver;

/**
 * A device did, or is, something its driver cannot work with. The message names the cause and the
 * remedy.
 */
public class DeviceException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** A device failed as {@code message} says. */
    public DeviceException(String message) {
        super(message);
    }

    /** A device failed as {@code message} says, because of {@code cause}. */
    public DeviceException(String message, Throwable cause) {
        super(message, cause);
    }
}
