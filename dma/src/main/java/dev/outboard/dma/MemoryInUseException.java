package dev.outboard.dma;

/** Memory cannot be unplugged, because somebody has it: the message names who, and the remedy. */
public final class MemoryInUseException extends IllegalStateException {
    private static final long serialVersionUID = 1L;

    /**
     * @param message who has it, and what to do
     */
    public MemoryInUseException(String message) {
        super(message);
    }
}
