package dev.outboard.uio;

/** Nobody could be reached at a socket's path: the message says why, and what to do. */
public final class ConnectionRefusedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * @param message why, and the remedy
     * @param cause the call that failed
     */
    public ConnectionRefusedException(String message, NativeException cause) {
        super(message, cause);
    }
}
