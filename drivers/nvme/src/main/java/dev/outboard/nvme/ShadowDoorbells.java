package dev.outboard.nvme;

import dev.outboard.dma.CoherentMemory;
import dev.outboard.dma.Dma;

/**
 * Doorbells in memory (Doorbell Buffer Config): the driver writes a page of doorbells, and rings in
 * the register only where the controller asks for it by the page of event indexes. So a controller
 * that another program emulates looks while it is awake, and is woken while it sleeps. Owned by the
 * controller; each queue's thread has words of its own.
 */
final class ShadowDoorbells implements AutoCloseable {
    private final CoherentMemory doorbells;
    private final CoherentMemory events;

    ShadowDoorbells(Dma dma) {
        doorbells = dma.allocateCoherent(NvmeDescriptor.PAGE_BYTES);
        try {
            events = dma.allocateCoherent(NvmeDescriptor.PAGE_BYTES);
        } catch (RuntimeException failure) {
            doorbells.close();
            throw failure;
        }
    }

    long doorbellsIova() {
        return doorbells.iova();
    }

    long eventsIova() {
        return events.iova();
    }

    /** Both zero: as a controller that was just told of them expects them. */
    void clear(long offset) {
        NvmeDescriptor.SHADOW.setRelease(doorbells.memory(), offset, 0);
        NvmeDescriptor.SHADOW.setRelease(events.memory(), offset, 0);
    }

    /**
     * Writes a doorbell.
     *
     * @param offset of the doorbell, from that of queue 0 on
     * @param before what it was
     * @return whether the register has to be written, too
     */
    boolean ring(long offset, int before, int value) {
        // Volatile: released after the commands before it, and with the full fence behind it that
        // section 7.13 asks for. Its partner stands in the controller, between its write of the
        // event index and its last look at the doorbell: one of the two sees the other's.
        NvmeDescriptor.SHADOW.setVolatile(doorbells.memory(), offset, value);
        int event = (int) NvmeDescriptor.SHADOW.getOpaque(events.memory(), offset);
        // Whether the event index is in [before, value), round the 16 bits.
        return (value - event - 1 & 0xffff) < (value - before & 0xffff);
    }

    @Override
    public void close() {
        events.close();
        doorbells.close();
    }
}
