package dev.outboard.netty;

import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.ScatterGatherList;
import io.netty.buffer.ByteBuf;
import java.lang.foreign.MemorySegment;

/**
 * Places for headers that stand apart from their payload, each with the list of the two. Owned by
 * the event loop; nothing allocates after construction.
 */
final class GatherSlots {
    static final int COUNT = 64;
    static final int STRIDE_BYTES = 64;

    private final DmaMemory dma;
    private final long first;
    private final MemorySegment memory;
    private final ScatterGatherList[] lists = new ScatterGatherList[COUNT];
    private final ByteBuf[] held = new ByteBuf[COUNT];
    private final int[] free = new int[COUNT];
    private int freeCount = COUNT;

    /**
     * @param dma closed by whoever gave it
     * @param first where in it {@link #COUNT} times {@link #STRIDE_BYTES} begin
     */
    GatherSlots(DmaMemory dma, long first) {
        this.dma = dma;
        this.first = first;
        memory = dma.memory();
        for (int place = 0; place < COUNT; place++) {
            lists[place] = new ScatterGatherList(2);
            free[place] = place;
        }
    }

    MemorySegment memory() {
        return memory;
    }

    long offset(int place) {
        return first + (long) place * STRIDE_BYTES;
    }

    /** A free place, or {@link SlotStack#NONE}. */
    int take() {
        return freeCount == 0 ? SlotStack.NONE : free[--freeCount];
    }

    void give(int place) {
        free[freeCount++] = place;
    }

    int inFlight() {
        return COUNT - freeCount;
    }

    ScatterGatherList list(int place, int headerBytes, long payloadPhysical, int payloadBytes) {
        var list = lists[place];
        list.clear();
        list.add(dma.physicalAddress() + offset(place), headerBytes);
        list.add(payloadPhysical, payloadBytes);
        return list;
    }

    /** Keeps the payload until the device has read it. */
    void hold(int place, ByteBuf payload) {
        held[place] = payload;
    }

    void release(int place) {
        var payload = held[place];
        held[place] = null;
        give(place);
        payload.release();
    }
}
