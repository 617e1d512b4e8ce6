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
        int posted = 0;
        isFull = false;
        while (taken < BATCH) {
            if (freeCount == 0) {
                isFull = true;
                break;
            }
            int slot = free[freeCount - 1];
            if (slot != shown) {
                shown = slot;
                vector.set(1, slots[slot].memory(), 0, SLOT_BYTES);
            }
            long bytes = tap.read(vector, 3);
            if (bytes == 0) {
                break;
            }
            taken++;
            int outcome = post(slot, bytes - VirtioHeader.SIZE_BYTES);
            posted += outcome;
        }
        if (posted > 0 || isFull || queue.pending() > 0) {
            queue.flush();
        }
        return taken;
    }

    private int post(int slot, long lengthBytes) {
        int length = (int) lengthBytes;
        DmaMemory memory = slots[slot];
        long offload =
                length > SLOT_BYTES
                        ? VirtioHeaders.UNKNOWN
                        : VirtioHeaders.offload(header(), memory.memory(), 0, length);
        if (offload == VirtioHeaders.UNKNOWN) {
            counts().add(Counts.Kind.SENT_REFUSED, 1);
            return 0;
        }
        // Before the post, whose own look at the device may give slots back.
        freeCount--;
        shown = -1;
        if (!queue.post(memory.physicalAddress(), length, offload, slot)) {
            queue.flush();
            if (!queue.post(memory.physicalAddress(), length, offload, slot)) {
                // Fewer descriptors than slots: the frame is lost, as on a wire that is busy.
                free[freeCount++] = slot;
                counts().add(Counts.Kind.SENT_REFUSED, 1);
                return 0;
            }
        }
        sent(length, offload);
        return 1;
    }

    @Override
    boolean isFull() {
        return isFull;
    }

    /** What a device has that was lost, or is stuck, stays out of use: it may still be mapped. */
    @Override
    public void close() {
        while (freeCount > 0) {
            slots[free[--freeCount]].close();
        }
    }
}
