package dev.outboard.kernel;

import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.OutOfDmaMemoryException;
import dev.outboard.driver.net.SentListener;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.uio.net.FrameVector;
import dev.outboard.uio.net.TapQueue;
import dev.outboard.uio.net.VirtioHeader;
import java.util.function.LongFunction;

/**
 * For a device that cuts segments: a frame of up to 64 KiB is read into a slot that holds it in one
 * piece, and posted from there. Slots come back when the device has sent them, in any order.
 */
final class SlotSource extends FrameSource implements SentListener {
    /** The longest packet, its Ethernet header and two VLAN tags, in whole pages. */
    private static final int SLOT_BYTES = 17 * 4096;

    /** As much as a receiver's window is worth: more would only wait. */
    private static final int MOST_SLOTS = 128;

    private static final int LEAST_SLOTS = 4;

    private final TapQueue tap;
    private final TransmitQueue queue;
    private final FrameVector vector = vector();
    private final DmaMemory[] slots = new DmaMemory[MOST_SLOTS];
    private final int[] free = new int[MOST_SLOTS];
    private int slotCount;
    private int freeCount;

    /** What the vector points to; it is still among the free. */
    private int shown = -1;

    /** The slot of a frame that was read and not posted yet, or -1. */
    private int waitingSlot = -1;

    private int waitingBytes;
    private long waitingOffload;
    private boolean isFull;

    /**
     * Takes the slots: as many as there is memory for.
     *
     * @param allocator gives pages
     * @throws OutOfDmaMemoryException if there is none for a few
     */
    SlotSource(
            TapQueue tap, TransmitQueue queue, Counts counts, LongFunction<DmaMemory> allocator) {
        super(counts);
        this.tap = tap;
        this.queue = queue;
        queue.onSent(this);
        try {
            while (slotCount < MOST_SLOTS) {
                slots[slotCount] = allocator.apply(SLOT_BYTES);
                free[freeCount++] = slotCount++;
            }
        } catch (OutOfDmaMemoryException few) {
            if (slotCount < LEAST_SLOTS) {
                close();
                throw few;
            }
        }
    }

    @Override
    public void onSent(int token) {
        free[freeCount++] = token;
    }

    @Override
    int move() {
        int taken = 0;
        isFull = false;
        while (taken < BATCH && (waitingSlot >= 0 || read())) {
            if (waitingSlot >= 0 && !post()) {
                // Fewer descriptors than slots: this frame first when some are free again.
                isFull = true;
                break;
            }
            taken++;
        }
        if (queue.pending() > 0) {
            queue.flush();
        }
        return taken;
    }

    /** Reads a frame, which waits to be posted from then on, or is refused; false if none came. */
    private boolean read() {
        if (freeCount == 0) {
            isFull = true;
            return false;
        }
        int slot = free[freeCount - 1];
        DmaMemory memory = slots[slot];
        if (slot != shown) {
            shown = slot;
            vector.set(1, memory.memory(), 0, SLOT_BYTES);
        }
        long bytes = tap.read(vector, 3);
        if (bytes == 0) {
            return false;
        }
        int length = (int) bytes - VirtioHeader.SIZE_BYTES;
        long offload =
                length > SLOT_BYTES
                        ? VirtioHeaders.UNKNOWN
                        : VirtioHeaders.offload(header(), memory.memory(), 0, length);
        if (offload == VirtioHeaders.UNKNOWN) {
            counts().add(Counts.Kind.SENT_REFUSED, 1);
            return true;
        }
        freeCount--;
        shown = -1;
        waitingSlot = slot;
        waitingBytes = length;
        waitingOffload = offload;
        return true;
    }

    private boolean post() {
        long address = slots[waitingSlot].physicalAddress();
        if (!queue.post(address, waitingBytes, waitingOffload, waitingSlot)) {
            queue.flush();
            if (!queue.post(address, waitingBytes, waitingOffload, waitingSlot)) {
                return false;
            }
        }
        waitingSlot = -1;
        sent(waitingBytes, waitingOffload);
        return true;
    }

    @Override
    boolean isFull() {
        return isFull;
    }

    /** What a device has that was lost, or is stuck, stays out of use: it may still be mapped. */
    @Override
    public void close() {
        if (waitingSlot >= 0) {
            free[freeCount++] = waitingSlot;
            waitingSlot = -1;
        }
        while (freeCount > 0) {
            slots[free[--freeCount]].close();
        }
    }
}
