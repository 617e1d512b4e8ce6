package dev.outboard.models;

/** A device model cannot start as it was asked to. The message names the cause and the remedy. */
public final class DeviceModelException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** As {@code message} says. */
    public DeviceModelException(String message) {
        super(message);
    }

    /** As {@code message} says, because of {@code cause}. */
    public DeviceModelException(String message, Throwable cause) {
        super(message, cause);
    }
}
