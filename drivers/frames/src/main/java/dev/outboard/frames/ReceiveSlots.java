package dev.outboard.frames;

import java.lang.foreign.MemorySegment;

/**
 * What one receive queue receives into: its own buffers, and those that its client has supplied.
 *
 * <pre>
 *   slot   0 ……………… count - 1    count ……………… 2 x count - 1
 *          buffer 0, 1, …        supplied, each for one frame or a part of one
 * </pre>
 *
 * <p>Owned by the queue's thread; after construction nothing allocates.
 */
final class ReceiveSlots {
    private final FrameBuffers buffers;
    private final int count;
    private final MemorySegment[] memory;
    private final long[] offset;
    private final long[] physical;
    private final int[] lengths;
    private final int[] tokens;
    private final int[] free;
    private int freeCount;

    ReceiveSlots(FrameBuffers buffers) {
        this.buffers = buffers;
        count = buffers.count();
        memory = new MemorySegment[count];
        offset = new long[count];
        physical = new long[count];
        lengths = new int[count];
        tokens = new int[count];
        free = new int[count];
        for (int i = 0; i < count; i++) {
            free[i] = 2 * count - 1 - i;
        }
        freeCount = count;
    }

    /** Slots in all. */
    int count() {
        return 2 * count;
    }

    boolean isSupplied(int slot) {
        return slot >= count;
    }

    boolean hasRoom() {
        return freeCount > 0;
    }

    /** A slot for a supplied buffer; there must be room. */
    int supply(MemorySegment itsMemory, long itsOffset, long address, int bytes, int token) {
        int slot = free[--freeCount];
        int at = slot - count;
        memory[at] = itsMemory;
        offset[at] = itsOffset;
        physical[at] = address;
        lengths[at] = bytes;
        tokens[at] = token;
        return slot;
    }

    /** A supplied buffer is its client's again. */
    void giveBack(int slot) {
        memory[slot - count] = null;
        free[freeCount++] = slot;
    }

    /** All of them are. */
    void withdraw() {
        freeCount = 0;
        for (int slot = 2 * count - 1; slot >= count; slot--) {
            giveBack(slot);
        }
    }

    MemorySegment memory(int slot) {
        return slot < count ? buffers.memory(slot) : memory[slot - count];
    }

    /** Where what stands before a frame begins, in its memory. */
    long frontOffset(int slot) {
        return slot < count ? buffers.headerOffset(slot) : offset[slot - count];
    }

    /** The same in physical memory. */
    long physicalAddress(int slot) {
        return slot < count ? buffers.headerPhysicalAddress(slot) : physical[slot - count];
    }

    /** How much the device may write there. */
    int lengthBytes(int slot) {
        return slot < count ? buffers.bufferBytes() : lengths[slot - count];
    }

    /** What a client calls it. */
    int token(int slot) {
        return slot < count ? slot : tokens[slot - count];
    }

    int frontBytes() {
        return buffers.frontBytes();
    }

    /** The device does not reach this slot, and nobody needs what was in it. */
    void moved(int slot) {
        if (slot < count) {
            buffers.moved(slot);
        }
    }
}
