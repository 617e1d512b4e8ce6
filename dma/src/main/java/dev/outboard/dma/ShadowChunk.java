package dev.outboard.dma;

import dev.outboard.iommu.IoPage;
import java.lang.foreign.MemorySegment;

/**
 * Slots of one size and one direction in memory that is mapped for good; each is free or holds the
 * copy of a mapped buffer or list. One thread; allocates nothing after construction.
 */
final class ShadowChunk {
    private final DmaMemory memory;
    private final MemorySegment bytes;
    private final long firstFrame;
    private final long page;
    private final int pages;
    private final int access;
    private final int slotShift;

    /** The buffer that a slot is the copy of. */
    private final long[] buffers;

    /** Bytes of it: 0 if the slot is free, negative while a batch is being checked. */
    private final int[] lengths;

    /** The list that a slot is the copy of, if it is none of a buffer. */
    private final ScatterGatherList[] lists;

    private final int[] free;
    private int freeCount;

    /** Whether its memory was unplugged by force: what is mapped in it is copied no more. */
    private boolean revoked;

    /** The next chunk of this size and direction that has a free slot. */
    private ShadowChunk next;

    /**
     * @param memory whose part is mapped, owned by the chunk
     * @param physicalAddress where that part begins
     */
    ShadowChunk(
            DmaMemory memory,
            long physicalAddress,
            long page,
            int pages,
            int access,
            int slotShift) {
        this.memory = memory;
        firstFrame = physicalAddress >>> IoPage.SHIFT;
        this.page = page;
        this.pages = pages;
        this.access = access;
        this.slotShift = slotShift;
        long length = (long) pages << IoPage.SHIFT;
        bytes = memory.memory().asSlice(physicalAddress - memory.physicalAddress(), length);
        int slots = (int) (length >>> slotShift);
        buffers = new long[slots];
        lengths = new int[slots];
        lists = new ScatterGatherList[slots];
        free = new int[slots];
        for (int slot = 0; slot < slots; slot++) {
            free[slot] = slots - 1 - slot;
        }
        freeCount = slots;
    }

    /** Takes a free slot for a buffer, or for a list. */
    int take(long buffer, int lengthBytes, ScatterGatherList list) {
        int slot = free[--freeCount];
        buffers[slot] = buffer;
        lengths[slot] = lengthBytes;
        lists[slot] = list;
        return slot;
    }

    void giveBack(int slot) {
        lengths[slot] = 0;
        lists[slot] = null;
        free[freeCount++] = slot;
    }

    boolean isFull() {
        return freeCount == 0;
    }

    boolean isEmpty() {
        return freeCount == free.length;
    }

    /** The slot that an IOVA of this chunk lies in. */
    int slot(long iova) {
        return (int) (iova - (page << IoPage.SHIFT) >>> slotShift);
    }

    /** The IOVA of a slot's first byte. */
    long iova(int slot) {
        return (page << IoPage.SHIFT) + ((long) slot << slotShift);
    }

    /** Where a slot begins in {@link #bytes}. */
    long offset(int slot) {
        return (long) slot << slotShift;
    }

    /** Marks a mapping as ended, if it is just this one. */
    boolean end(long iova, int lengthBytes, ScatterGatherList list) {
        int slot = slot(iova);
        if (lengthBytes <= 0
                || lengths[slot] != lengthBytes
                || lists[slot] != list
                || iova != iova(slot)) {
            return false;
        }
        lengths[slot] = -lengthBytes;
        return true;
    }

    void restore(int slot) {
        lengths[slot] = Math.abs(lengths[slot]);
    }

    long buffer(int slot) {
        return buffers[slot];
    }

    int lengthBytes(int slot) {
        return lengths[slot];
    }

    ScatterGatherList list(int slot) {
        return lists[slot];
    }

    MemorySegment bytes() {
        return bytes;
    }

    long page() {
        return page;
    }

    int pages() {
        return pages;
    }

    int access() {
        return access;
    }

    int slotShift() {
        return slotShift;
    }

    /** Whether its memory has any of these frames. */
    boolean isWithin(FrameRange range) {
        return range.overlaps(
                memory.physicalAddress() >>> IoPage.SHIFT, memory.lengthBytes() >>> IoPage.SHIFT);
    }

    /** The frame that its first page leads to. */
    long firstFrame() {
        return firstFrame;
    }

    /** Its memory is unplugged by force. */
    void revoke() {
        revoked = true;
    }

    boolean isRevoked() {
        return revoked;
    }

    /** Shows the mappings of buffers, or of pieces of lists, that have any of these frames. */
    void visit(FrameRange range, MappingVisitor visitor) {
        for (int slot = 0; slot < lengths.length; slot++) {
            ScatterGatherList list = lists[slot];
            if (lengths[slot] > 0 && list == null) {
                visit(slot, buffers[slot], lengths[slot], range, visitor);
            }
            for (int piece = 0; list != null && piece < list.pieces(); piece++) {
                visit(slot, list.pieceAddress(piece), list.pieceLength(piece), range, visitor);
            }
        }
    }

    private void visit(
            int slot, long buffer, int lengthBytes, FrameRange range, MappingVisitor visitor) {
        long first = buffer >>> IoPage.SHIFT;
        int frames = Buffers.pages(buffer, lengthBytes);
        if (range.overlaps(first, frames) || isWithin(range)) {
            long slotPage = iova(slot) >>> IoPage.SHIFT;
            visitor.mapping(slotPage, Buffers.pages(iova(slot), lengths[slot]), first, frames);
        }
    }

    /** Bytes of memory that it takes. */
    long memoryBytes() {
        return memory.lengthBytes();
    }

    ShadowChunk next() {
        return next;
    }

    void setNext(ShadowChunk chunk) {
        next = chunk;
    }

    /** No device reaches it any more. */
    void close() {
        memory.close();
    }
}
