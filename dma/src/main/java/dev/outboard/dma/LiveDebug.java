package dev.outboard.dma;

import dev.outboard.iommu.IoPage;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A mapping under watch: who made it where, and what a buffer that the device reads held then.
 * Guarded by its {@link DmaDebug}.
 */
final class LiveDebug {
    /** Bytes of a buffer that are compared: a copy of all would make long lists too dear. */
    static final int WATCHED_BYTES = 64 * 1024;

    final DebugDma service;
    final long iova;
    final long physicalAddress;
    final int lengthBytes;
    final DmaDirection direction;

    /** The list that it is part of, or null. */
    final ScatterGatherList list;

    final CodePlace mapped = CodePlace.here();
    CodePlace unmapped;

    /** The driver's own memory, or empty if the processor may change it, or it is not ours. */
    private final MemorySegment watched;

    private final MemorySegment shown;

    LiveDebug(
            DebugDma service,
            long iova,
            long physicalAddress,
            int lengthBytes,
            DmaDirection direction,
            ScatterGatherList list,
            MemorySegment memory) {
        this.service = service;
        this.iova = iova;
        this.physicalAddress = physicalAddress;
        this.lengthBytes = lengthBytes;
        this.direction = direction;
        this.list = list;
        watched =
                direction == DmaDirection.TO_DEVICE
                        ? memory.asSlice(0, Math.min(memory.byteSize(), WATCHED_BYTES))
                        : MemorySegment.NULL;
        shown = MemorySegment.ofArray(watched.toArray(ValueLayout.JAVA_BYTE));
    }

    long firstPage() {
        return iova >>> IoPage.SHIFT;
    }

    long firstFrame() {
        return physicalAddress >>> IoPage.SHIFT;
    }

    int pages() {
        return Buffers.pages(iova, lengthBytes);
    }

    boolean holds(long address, long length) {
        return address >= iova && length > 0 && address - iova <= lengthBytes - length;
    }

    boolean overlaps(LiveDebug other) {
        return physicalAddress < other.physicalAddress + other.lengthBytes
                && other.physicalAddress < physicalAddress + lengthBytes;
    }

    /** The device is shown what the buffer holds now. */
    void show(long address, int length) {
        long from = address - iova;
        long bytes = Math.min(watched.byteSize(), from + length) - from;
        if (bytes > 0) {
            MemorySegment.copy(watched, from, shown, from, bytes);
        }
    }

    /** The first byte that the processor changed and did not show, or -1. */
    long changedAt() {
        try {
            return watched.mismatch(shown);
        } catch (IllegalStateException | InternalError unplugged) {
            // By force, while it was mapped: there is nothing to look at any more.
            return -1;
        }
    }

    @Override
    public String toString() {
        return "iova=0x%x lengthBytes=%d direction=%s mapped at %s"
                .formatted(iova, lengthBytes, direction, mapped);
    }
}
