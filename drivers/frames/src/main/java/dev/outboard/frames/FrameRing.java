package dev.outboard.frames;

import dev.outboard.driver.net.FrameQueue;

/**
 * A ring of buffers that a device has: what both directions share. One thread owns it; nothing
 * allocates.
 *
 * <p>What the device writes is checked by the ring: it gives back only what it was given.
 */
public interface FrameRing extends FrameQueue, AutoCloseable {
    /** How many single buffers can surely be added now. */
    int free();

    /** Buffers that the device has, or that wait to be published. */
    int outstanding();

    /** Hands the ring to the device, with what was added so far. */
    void start();

    /** Shows what was added to the device, and rings where it asks for that. */
    void publish();

    /**
     * How many buffers the device is done with that {@link #take} has not given back.
     *
     * @throws dev.outboard.driver.DeviceException when the device broke the protocol
     */
    int completed();

    /**
     * Takes the oldest of them back; {@link #completed} must have said that there is one.
     *
     * @return the buffer, by the number that it was added with
     * @throws dev.outboard.driver.DeviceException when the device broke the protocol
     */
    int take();

    /**
     * Waits until the device is done with some.
     *
     * @return false when the time was up
     * @throws dev.outboard.driver.DeviceLostException when the device went away
     */
    boolean await(long timeoutNanos);

    /** Waits that ended by an interrupt since the start. */
    long interrupts();

    /** Doorbells rung since the start. */
    long doorbells();

    /** The device no longer reaches any buffer when this returns; its interrupt is masked. */
    @Override
    void close();
}
