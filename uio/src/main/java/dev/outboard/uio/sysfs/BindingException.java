package dev.outboard.uio.sysfs;

/** A function could not be bound to a driver; the message names the cause and the remedy. */
public final class BindingException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    BindingException(String message) {
        super(message);
    }

    BindingException(String message, Throwable cause) {
        super(message, cause);
    }
}
