package dev.outboard.host.bus;

import dev.outboard.driver.DeviceException;

/** There is no device at an address, or it does not take a connection now. It may come. */
public final class DeviceAbsentException extends DeviceException {
    private static final long serialVersionUID = 1L;

    /** An absence that {@code message} explains. */
    public DeviceAbsentException(String message) {
        super(message);
    }

    /** An absence that {@code message} explains, because of {@code cause}. */
    public DeviceAbsentException(String message, Throwable cause) {
        super(message, cause);
    }
}
