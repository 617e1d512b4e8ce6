package dev.outboard.uio;

/** The process at the other end of a socket closed it, or died. */
public final class PeerGoneException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * @param message who is gone, and what was asked of it
     */
    public PeerGoneException(String message) {
        super(message);
    }
}
