package dev.outboard.netty;

import dev.outboard.dma.DmaMemory;
import io.netty.buffer.AbstractByteBufAllocator;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.util.concurrent.atomic.LongAdder;

/**
 * Buffers out of DMA memory, which the device reads without a copy. Any thread allocates and
 * releases; neither makes an object, as long as no buffer outgrows its slot.
 *
 * <pre>
 *   0           headroom = 64                                       a multiple of 4096
 *   +-----------+------------------------------------------------...---+
 *   | headers   | index 0 of the buffer …                              |   one slot
 *   +-----------+------------------------------------------------...---+
 * </pre>
 *
 * <p>A slot has pages of its own: a page is the least an IOMMU protects. What is longer than a
 * slot, is asked for on the heap, or comes when every slot is out, is ordinary memory, and is
 * copied when it is sent. Owned by its {@link DriverInterface}, which also takes the memory back.
 */
public final class DmaByteBufAllocator extends AbstractByteBufAllocator implements DmaByteBuf.Home {
    /** Ethernet, IPv6 and UDP have 62 bytes. */
    static final int HEADROOM_BYTES = 64;

    private static final int PAGE_BYTES = 4096;

    private final UnpooledByteBufAllocator ordinary = new UnpooledByteBufAllocator(true);
    private final DmaMemory dma;
    private final int strideBytes;
    private final DmaByteBuf[] buffers;
    private final SlotStack free;
    private final LongAdder ordinaryBuffers = new LongAdder();

    /**
     * @param dma the memory of all slots; closed by whoever gave it
     * @param frameBytes the longest frame
     */
    DmaByteBufAllocator(DmaMemory dma, int slots, int frameBytes) {
        super(true);
        this.dma = dma;
        strideBytes = strideBytes(frameBytes);
        buffers = new DmaByteBuf[slots];
        free = new SlotStack(slots);
        for (int slot = 0; slot < slots; slot++) {
            buffers[slot] = make(slot);
        }
    }

    /** What a slot takes. */
    static int strideBytes(int frameBytes) {
        return HEADROOM_BYTES + frameBytes + PAGE_BYTES - 1 & -PAGE_BYTES;
    }

    private DmaByteBuf make(int slot) {
        long first = (long) slot * strideBytes;
        long index = first + HEADROOM_BYTES;
        var place =
                new DmaByteBuf.Place(
                        slot,
                        slot,
                        dma.memory(),
                        first,
                        index,
                        dma.physicalAddress() + index,
                        null);
        return new DmaByteBuf(this, this, place, slotCapacityBytes());
    }

    @Override
    public void giveBack(int number, boolean isSpent) {
        if (isSpent) {
            buffers[number] = make(number);
        }
        free.give(number);
    }

    /** How many slots there are. */
    public int slots() {
        return buffers.length;
    }

    /** The longest buffer that is in DMA memory. */
    public int slotCapacityBytes() {
        return strideBytes - HEADROOM_BYTES;
    }

    /** Buffers so far that had to come from elsewhere. Any thread. */
    public long ordinaryBuffers() {
        return ordinaryBuffers.sum();
    }

    /** An empty buffer in DMA memory, or null where every slot is out. */
    DmaByteBuf slotBuffer(int initialBytes, int mostBytes) {
        int slot = free.take();
        return slot == SlotStack.NONE ? null : buffers[slot].begin(initialBytes, mostBytes);
    }

    /**
     * The buffer in DMA memory that some buffer is, or is a part of; null where it is none, or has
     * outgrown its place.
     */
    static DmaByteBuf rootOf(ByteBuf buffer) {
        var at = buffer;
        while (at != null && !(at instanceof DmaByteBuf)) {
            at = at.unwrap();
        }
        return at instanceof DmaByteBuf found && found.isInPlace() ? found : null;
    }

    @Override
    protected ByteBuf newHeapBuffer(int initialCapacity, int maxCapacity) {
        return ordinary.heapBuffer(initialCapacity, maxCapacity);
    }

    @Override
    protected ByteBuf newDirectBuffer(int initialCapacity, int maxCapacity) {
        var buffer =
                initialCapacity <= slotCapacityBytes()
                        ? slotBuffer(initialCapacity, maxCapacity)
                        : null;
        if (buffer != null) {
            return buffer;
        }
        ordinaryBuffers.increment();
        return ordinary.directBuffer(initialCapacity, maxCapacity);
    }

    @Override
    public boolean isDirectBufferPooled() {
        return true;
    }
}
