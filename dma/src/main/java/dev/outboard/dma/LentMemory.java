package dev.outboard.dma;

import java.lang.foreign.MemorySegment;

/**
 * A client's memory, while devices of ours may be allowed to reach it (The Price of Safety, section
 * 4.4: the client grants, the driver maps). It is a segment of the driver's physical memory, all of
 * it taken, and mapped as any buffer: by who sends of it or receives into it, or as a whole, under
 * {@link Strategy#GRANTED}, until the loan ends.
 *
 * <p>Owned by who borrowed it; any thread.
 */
public final class LentMemory implements AutoCloseable {
    private final PhysicalMemory owner;
    private final PhysicalSegment segment;
    private final DmaMemory whole;
    private boolean closed;

    LentMemory(PhysicalMemory owner, PhysicalSegment segment, DmaMemory whole) {
        this.owner = owner;
        this.segment = segment;
        this.whole = whole;
    }

    /** Physical address of the file's first byte. */
    public long physicalAddress() {
        return whole.physicalAddress();
    }

    /** The file's length. */
    public long lengthBytes() {
        return whole.lengthBytes();
    }

    /**
     * The file's bytes, as this process sees them.
     *
     * @throws IllegalStateException if somebody has unplugged the segment by force
     */
    public MemorySegment memory() {
        return whole.memory();
    }

    /** Whether somebody has unplugged the segment by force: whoever lent it is served no longer. */
    public boolean isTaken() {
        return whole.isTaken();
    }

    /**
     * Ends the loan: when this returns no device reaches any of the memory, whatever was mapped of
     * it, and the process that lent it may do with it what it likes. Not on the thread of an owner
     * of an IOMMU. Closing twice does no harm.
     *
     * @throws DeviceStuckException if a device does not let go of it in time; it may be tried again
     */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        if (!whole.isTaken()) {
            owner.unplug(segment.physicalAddress(), segment.lengthBytes(), Unplug.FORCE);
        }
        closed = true;
        whole.close();
    }
}
