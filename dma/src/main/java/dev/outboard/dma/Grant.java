package dev.outboard.dma;

/**
 * A client's leave for a driver's device to reach a piece of its memory (The Price of Safety,
 * section 4.4): stands until closed. Closed by who asked for it; any thread.
 */
public final class Grant implements AutoCloseable {
    private final long physicalAddress;
    private final long lengthBytes;
    private final DmaDirection direction;
    private final Runnable revoke;
    private boolean closed;

    /**
     * @param revoke takes the mapping away and flushes; fails if a device is stuck
     */
    Grant(long physicalAddress, long lengthBytes, DmaDirection direction, Runnable revoke) {
        this.physicalAddress = physicalAddress;
        this.lengthBytes = lengthBytes;
        this.direction = direction;
        this.revoke = revoke;
    }

    /** Where the granted memory begins. */
    public long physicalAddress() {
        return physicalAddress;
    }

    /** Granted bytes. What shares a page with them is reachable too. */
    public long lengthBytes() {
        return lengthBytes;
    }

    /** What the device may do with it, and so which mappings it allows. */
    public DmaDirection direction() {
        return direction;
    }

    /**
     * Revokes the grant: when it returns, no device reaches the memory by it any more. Nothing of
     * it may be mapped. Closing twice does no harm; if it fails, it may be tried again.
     *
     * @throws IllegalStateException if something of it is mapped; nothing is changed
     * @throws DeviceStuckException if a device does not leave its DMA section
     */
    @Override
    public synchronized void close() {
        if (!closed) {
            revoke.run();
            closed = true;
        }
    }
}
