package dev.outboard.dma;

/**
 * A device did not let go of what was unmapped: it stayed inside a DMA section beyond the limit, or
 * did not answer. Until its process has ended it may still reach it.
 */
public final class DeviceStuckException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Says who or what, and what to do. */
    public DeviceStuckException(String message) {
        super(message);
    }

    /** A device is stuck as {@code message} says, because of {@code cause}. */
    public DeviceStuckException(String message, Throwable cause) {
        super(message, cause);
    }
}
