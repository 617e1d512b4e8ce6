package dev.outboard.backend;

import dev.outboard.backend.loop.DeviceLoop;

/** What a device model does with the rings of its sessions. The loop's thread. */
public interface DeviceEngine {
    /**
     * Does a bounded burst.
     *
     * @return whether there was anything to do
     * @throws RingException when a driver broke a ring; DMA sections may be open then
     */
    boolean poll(long nowNanos);

    /**
     * Asks every driver for its doorbell, and looks again.
     *
     * @return whether there is work already
     * @throws RingException when a driver broke a ring; DMA sections may be open then
     */
    boolean askForDoorbells();

    /** How long to sleep at most, or {@link DeviceLoop#FOREVER}. */
    long sleepLimitNanos(long nowNanos);
}
