package dev.outboard.backend;

/**
 * A driver broke the rules of a ring, or a ring cannot be reached. It ends the session of that
 * driver, and nothing else. The message says what was found, with its values.
 */
public final class RingException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient DeviceQueue queue;

    public RingException(DeviceQueue queue, String message) {
        super(queue.name() + ": " + message);
        this.queue = queue;
    }

    /** Whose ring it is. */
    public DeviceQueue queue() {
        return queue;
    }
}
