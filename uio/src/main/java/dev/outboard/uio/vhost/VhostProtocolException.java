package dev.outboard.uio.vhost;

/** The other end broke the protocol, or refused a request; says which, with its values. */
public final class VhostProtocolException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * @param message what was wrong, with the values
     */
    public VhostProtocolException(String message) {
        super(message);
    }

    /**
     * @param message what was wrong, with the values
     * @param cause what it came from
     */
    public VhostProtocolException(String message, Throwable cause) {
        super(message, cause);
    }
}
