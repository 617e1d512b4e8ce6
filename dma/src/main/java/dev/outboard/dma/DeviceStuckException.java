package dev.outboard.dma;

/** A device stayed inside a DMA section beyond the limit; it has been detached. */
public final class DeviceStuckException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Says who or what, and what to do. */
    public DeviceStuckException(String message) {
        super(message);
    }
}
