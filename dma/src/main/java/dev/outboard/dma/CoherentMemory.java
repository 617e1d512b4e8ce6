package dev.outboard.dma;

import java.lang.foreign.MemorySegment;

/**
 * Memory that driver and device both use all the time, such as rings: allocated and mapped in one,
 * mapped in both directions. Closed by who allocated it, on the thread of its {@link Dma}.
 */
public final class CoherentMemory implements AutoCloseable {
    private final Runnable undo;
    private final DmaMemory memory;
    private final long iova;
    private boolean closed;

    /**
     * @param undo unmaps it and flushes, unless its service has done so
     */
    CoherentMemory(DmaMemory memory, long iova, Runnable undo) {
        this.undo = undo;
        this.memory = memory;
        this.iova = iova;
    }

    /** The bytes, page-aligned, zero at first. */
    public MemorySegment memory() {
        return memory.memory();
    }

    /** Where the device finds the first byte. */
    public long iova() {
        return iova;
    }

    /** Where the first byte is in physical memory. */
    public long physicalAddress() {
        return memory.physicalAddress();
    }

    /** Bytes, a multiple of the page size. */
    public long lengthBytes() {
        return memory.lengthBytes();
    }

    /**
     * Unmaps, flushes whatever the strategy is, and gives the pages back; also after its service
     * was closed. Closing twice does no harm. If the flush fails, the pages are never given to
     * anybody else.
     *
     * @throws DeviceStuckException if a device does not leave its DMA section
     */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        undo.run();
        memory.close();
    }
}
