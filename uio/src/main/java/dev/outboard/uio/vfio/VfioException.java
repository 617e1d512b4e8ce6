package dev.outboard.uio.vfio;

/** VFIO does not give what was asked for. The message names the cause and the remedy. */
public final class VfioException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** As {@code message} says. */
    public VfioException(String message) {
        super(message);
    }

    /** As {@code message} says, because of {@code cause}. */
    public VfioException(String message, Throwable cause) {
        super(message, cause);
    }
}
