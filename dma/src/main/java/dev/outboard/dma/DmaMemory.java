package dev.outboard.dma;

import dev.outboard.iommu.IoPage;
import java.lang.foreign.MemorySegment;

/**
 * Physically contiguous pages that a driver owns and can map for its device. Who allocated it
 * closes it, once it is unmapped; any thread.
 */
public final class DmaMemory implements AutoCloseable {
    private final PhysicalMemory owner;
    private final PhysicalSegment segment;
    private final long physicalAddress;
    private final long lengthBytes;
    private final MemorySegment memory;
    private boolean closed;

    DmaMemory(
            PhysicalMemory owner, PhysicalSegment segment, long physicalAddress, long lengthBytes) {
        this.owner = owner;
        this.segment = segment;
        this.physicalAddress = physicalAddress;
        this.lengthBytes = lengthBytes;
        memory = segment.memory().asSlice(physicalAddress - segment.physicalAddress(), lengthBytes);
    }

    /**
     * The bytes, page-aligned. Not to be used after {@link #close}: somebody else may have them.
     */
    public MemorySegment memory() {
        return memory;
    }

    /** Where the first byte is, for {@link Dma#map}. */
    public long physicalAddress() {
        return physicalAddress;
    }

    /** Bytes, a multiple of the page size. */
    public long lengthBytes() {
        return lengthBytes;
    }

    /**
     * Gives the pages back. They must not be mapped. If a device may still reach them, because the
     * strategy keeps mappings beyond their unmap, nobody is given them before it cannot. Closing
     * twice does no harm.
     */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            owner.giveBack(segment, physicalAddress, (int) (lengthBytes >>> IoPage.SHIFT));
        }
    }
}
