package dev.outboard.uio;

/** The process at the other end of a socket did not answer in time. */
public final class PeerTimeoutException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * @param message who did not answer, what was asked, how long was waited
     */
    public PeerTimeoutException(String message) {
        super(message);
    }
}
