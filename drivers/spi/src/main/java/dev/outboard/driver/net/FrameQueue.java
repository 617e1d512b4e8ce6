package dev.outboard.driver.net;

import dev.outboard.uio.Descriptor;

/**
 * What both directions of a queue share: how its thread waits for it together with other things, as
 * other queues, a socket, or work that other threads hand over.
 *
 * <pre>
 *   look for work, none ──► arm ── false ──► wait for descriptor() and others ──► disarm ──► look
 *                            └─ true: there is work ────────────────────────────────┘
 * </pre>
 *
 * <p>The queue's thread, but for {@link #wake}. Nothing allocates.
 */
public interface FrameQueue {
    /**
     * Readable when the queue has work while it is armed, or when {@link #wake} was called. The
     * queue's own: only to be watched, and not after the queue was closed.
     *
     * @throws UnsupportedOperationException if this queue is waited for by {@code await} only
     */
    default Descriptor descriptor() {
        throw new UnsupportedOperationException("this queue is waited for by itself only");
    }

    /**
     * Asks for the interrupt. {@link #disarm} must follow, whatever this returns.
     *
     * @return true when there is work already: do not wait
     * @throws dev.outboard.driver.DeviceLostException when the device went away
     */
    default boolean arm() {
        throw new UnsupportedOperationException("this queue is waited for by itself only");
    }

    /**
     * Wants the interrupt no more, and takes what it has signalled.
     *
     * @throws dev.outboard.driver.DeviceLostException when the device went away
     */
    default void disarm() {
        throw new UnsupportedOperationException("this queue is waited for by itself only");
    }

    /**
     * Has somebody see every frame that passes, from the next batch on. Any thread.
     *
     * @param witness null for nobody
     * @throws IllegalStateException if somebody sees them already
     * @throws UnsupportedOperationException if this queue cannot be looked at
     */
    default void witness(FrameWitness witness) {
        throw new UnsupportedOperationException("this driver's queues cannot be looked at");
    }

    /** Ends the wait that is, or the next one, early. Any thread. */
    default void wake() {
        throw new UnsupportedOperationException("this queue is waited for by itself only");
    }

    /** Bytes of the frames that were taken, or that the device has finished, since the start. */
    default long bytes() {
        return 0;
    }
}
