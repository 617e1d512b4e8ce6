package dev.outboard.backend;

/**
 * Work on a queue cannot go on before a translation has come that its front-end was asked for. What
 * is not completed stays in the ring, and is begun anew later.
 *
 * <p>Not an error. Each queue has one, made at start and without a stack trace, so that to throw it
 * allocates nothing.
 */
public final class AwaitedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient DeviceQueue queue;

    AwaitedException(DeviceQueue queue) {
        super(queue.name() + " awaits a translation", null, false, false);
        this.queue = queue;
    }

    /** Whose ring it is. */
    public DeviceQueue queue() {
        return queue;
    }
}
