package dev.outboard.dma;

/** No run of free pages is long enough. */
public final class OutOfDmaMemoryException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Says who or what, and what to do. */
    public OutOfDmaMemoryException(String message) {
        super(message);
    }
}
