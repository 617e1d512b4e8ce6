package dev.outboard.dma;

import java.lang.foreign.MemorySegment;

/**
 * Memory that driver and device both use all the time, such as rings: allocated and mapped in one,
 * mapped in both directions. Closed by who allocated it, on the thread of its {@link Dma}.
 */
public final class CoherentMemory implements AutoCloseable {
    private final Dma dma;
    private final DmaMemory memory;
    private final long iova;
    private boolean closed;

    CoherentMemory(Dma dma, DmaMemory memory, long iova) {
        this.dma = dma;
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

    /** Bytes, a multiple of the page size. */
    public long lengthBytes() {
        return memory.lengthBytes();
    }

    /**
     * Unmaps, flushes whatever the strategy is, and gives the pages back. Closing twice does no
     * harm. If the flush fails, the pages are never given to anybody else.
     *
     * @throws DeviceStuckException if a device does not leave its DMA section
     */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        dma.unmap(iova, Math.toIntExact(memory.lengthBytes()));
        dma.flush();
        memory.close();
    }
}
