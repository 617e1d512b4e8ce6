package dev.outboard.driver.net;

/**
 * Frames from the device. One thread owns the queue; nothing allocates.
 *
 * <p>A frame is unmapped before its handler sees it and its buffer mapped and handed back after, so
 * under the strict strategy nobody can change a frame while it is read.
 */
public interface ReceiveQueue {
    /**
     * Gives waiting frames to the handler, in order, and their buffers back to the device.
     *
     * @param limit the most frames to take
     * @return how many were taken; 0 where none waits
     * @throws dev.outboard.driver.DeviceException when the device broke the protocol
     */
    int poll(FrameHandler handler, int limit);

    /**
     * Waits until a frame is there.
     *
     * @return false when the time was up
     * @throws dev.outboard.driver.DeviceLostException when the device went away
     */
    boolean await(long timeoutNanos);

    /** Frames taken since the start. */
    long frames();

    /** Waits that ended by an interrupt since the start. */
    long interrupts();
}
