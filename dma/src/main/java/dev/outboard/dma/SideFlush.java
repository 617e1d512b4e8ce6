package dev.outboard.dma;

/**
 * A second way to flush what a mapping service has cleared, for a thread beside the service's, that
 * serves others too and so may not be held up: the timer of deferred flushing.
 *
 * <p>One thread at a time, not the service's. No method waits for a device; {@link #begin} and
 * {@link #poll} throw {@link IllegalStateException} once the holder of the translations has ended.
 */
public interface SideFlush extends AutoCloseable {
    /**
     * Asks the devices to forget everything that the service cleared before, as far as this thread
     * has seen it cleared; not while a flush is under way.
     */
    void begin();

    /**
     * Whether nothing can be used any more that was cleared before {@link #begin}: looks once. Once
     * true, the flush is over.
     */
    boolean poll();

    /** A flush that is under way is given up. Again does nothing. */
    @Override
    void close();
}
