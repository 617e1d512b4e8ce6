package dev.outboard.uio;

/**
 * A peer sent more descriptors, or a longer packet, than this side takes. What came of the message
 * is lost, and its descriptors are closed: the connection is of no more use.
 */
public final class MessageTruncatedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * @param message what was cut off
     */
    public MessageTruncatedException(String message) {
        super(message);
    }
}
