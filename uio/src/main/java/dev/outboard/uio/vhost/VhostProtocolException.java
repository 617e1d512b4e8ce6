package dev.outboard.uio.vhost;

/** The other end broke the protocol, or refused a request. */
public final class VhostProtocolException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * @param message what was wrong, with the values
     */
    public VhostProtocolException(String message) {
        super(message);
    }
}
