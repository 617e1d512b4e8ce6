package dev.outboard.dma;

/** Memory cannot be unplugged, because somebody has it: the message names who, and the remedy. */
public final class MemoryInUseException extends IllegalStateException {
    private static final long serialVersionUID = 1L;

    MemoryInUseException(String message) {
        super(message);
    }
}
