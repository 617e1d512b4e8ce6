package dev.outboard.host.process;

/** A child ended, or kept silent, where it should have answered. The message is one line. */
public final class ProcessFailedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** A failure that {@code message} explains. */
    public ProcessFailedException(String message) {
        super(message);
    }

    /** A failure that {@code message} explains, because of {@code cause}. */
    public ProcessFailedException(String message, Throwable cause) {
        super(message, cause);
    }
}
