package dev.outboard.dma;

import dev.outboard.iommu.IoPage;
import java.lang.foreign.MemorySegment;

/**
 * Physically contiguous pages that a driver owns and can map for its device. Who allocated it
 * closes it, once it is unmapped; any thread.
 *
 * <p>If its memory is unplugged by force, {@link #memory} throws from then on, and what it returned
 * before throws, or is an {@link InternalError}, when it is used: it never is somebody else's
 * memory. It is closed all the same.
 */
public final class DmaMemory implements AutoCloseable {
    private final PhysicalMemory owner;
    private final PhysicalSegment segment;
    private final long physicalAddress;
    private final long lengthBytes;
    private final MemorySegment memory;
    private boolean closed;

    /** Whether its memory was unplugged by force. */
    private volatile boolean taken;

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
     *
     * @throws IllegalStateException if they were unplugged by force
     */
    public MemorySegment memory() {
        if (taken) {
            throw new IllegalStateException(
                    "the memory at physicalAddress=0x%x was unplugged by force: allocate anew"
                            .formatted(physicalAddress));
        }
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

    /** Whether its memory was unplugged by force. */
    public boolean isTaken() {
        return taken;
    }

    /** Whether it was allocated from that segment. */
    boolean isOf(PhysicalSegment other) {
        return segment == other;
    }

    /** Its memory is unplugged by force; false if it was before. Under the segment's lock. */
    boolean takeAway() {
        boolean first = !taken;
        taken = true;
        return first;
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
            segment.closed(this);
            owner.giveBack(segment, physicalAddress, (int) (lengthBytes >>> IoPage.SHIFT));
        }
    }
}
