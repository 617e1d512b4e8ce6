package dev.outboard.driver.net;

import dev.outboard.dma.DmaMemory;
import java.lang.foreign.MemorySegment;
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
     * How many buffers there are to receive into, of which a client may keep some, and better not
     * all; 0 where it can keep none.
     */
    default int buffers() {
        return 0;
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

    /** Whether the client may {@link #supply} the buffers. */
    default boolean isSuppliable() {
        return false;
    }

    /**
     * What the device writes before a frame into the first buffer that it lies in, in bytes; in a
     * supplied one it stands there for the client to read, as hostile as the frame.
     */
    default int frontBytes() {
        return 0;
    }

    /**
     * Gives the queue a buffer of the client's own DMA memory for one frame, or a part of one: the
     * device writes there, and nothing is copied. From the first on the queue gives the device no
     * buffer of its own again; frames still come in those that it had. Supplied buffers go to the
     * device by the next {@link #poll} or {@link #await}, in order, and each is the client's again
     * when its part was shown ({@link ReceivedFrame#isSupplied}).
     *
     * @param memory through which the queue reads what the device wrote there
     * @param offset where in that memory the buffer begins, in bytes
     * @param physicalAddress where in physical memory it begins
     * @param lengthBytes {@link #frontBytes} and 14, or more
     * @param token 0 or more; what {@link ReceivedFrame#token} says of its part
     * @return false where the queue has as many as it can have: supply it later
     * @throws UnsupportedOperationException if it is not {@link #isSuppliable}
     */
    default boolean supply(
            MemorySegment memory, long offset, long physicalAddress, int lengthBytes, int token) {
        throw new UnsupportedOperationException("this queue receives into its own buffers only");
    }

    /**
     * Takes every supplied buffer back, and receives into the queue's own again: when this returns
     * the device reaches no supplied buffer any more, under no strategy. Frames that were on their
     * way are lost. Nothing, where none was supplied.
     */
    default void withdraw() {
        // Nothing was supplied.
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
