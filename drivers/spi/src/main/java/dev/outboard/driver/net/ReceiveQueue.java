package dev.outboard.driver.net;

import dev.outboard.dma.DmaMemory;
import java.util.function.LongFunction;

/**
 * Frames from the device. One thread owns the queue; nothing allocates.
 *
 * <p>A frame is unmapped before its handler sees it and its buffer mapped and handed back after, so
 * under the strict strategy nobody can change a frame while it is read.
 */
public interface ReceiveQueue extends FrameQueue {
    /**
     * Gives waiting frames to the handler, in order, and their buffers back to the device.
     *
     * @param limit the most frames to take
     * @return how many were taken; 0 where none waits
     * @throws dev.outboard.driver.DeviceException when the device broke the protocol
     */
    int poll(FrameHandler handler, int limit);

    /**
     * The same for frames that may lie in several parts, and have work left in them: what a client
     * that takes such frames uses.
     */
    default int pollFrames(ReceivedFrameHandler handler, int limit) {
        return poll(new WholeFrame(handler), limit);
    }

    /**
     * Gives back a part of a frame that was kept ({@link ReceivedFrame#keep}).
     *
     * @param token {@link ReceivedFrame#token} of the part
     * @throws IllegalArgumentException if nothing of this token is kept
     */
    default void release(int token) {
        throw new IllegalArgumentException("token=" + token + " was not kept");
    }

    /**
     * Waits until a frame is there.
     *
     * @return false when the time was up
     * @throws dev.outboard.driver.DeviceLostException when the device went away
     */
    boolean await(long timeoutNanos);

    /**
     * Begins to move the buffers to other memory: each when it comes back from the device with a
     * frame. When the last has come, what they were in is given back.
     *
     * @param allocator gives pages, as {@code context::allocate}
     * @return false if the move before has not ended, and nothing was changed
     * @throws dev.outboard.dma.OutOfDmaMemoryException if it gives none; nothing was changed
     */
    default boolean move(LongFunction<DmaMemory> allocator) {
        return true;
    }

    /** Frames taken since the start. */
    long frames();

    /**
     * Frames that came and were shown to nobody: damaged, longer than this client takes, or with
     * work left in them that makes no sense.
     */
    default long dropped() {
        return 0;
    }

    /** Waits that ended by an interrupt since the start. */
    long interrupts();
}
