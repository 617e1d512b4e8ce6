package dev.outboard.uio;

/**
 * The far side of an interrupt, as its claimer masks it: a queue's event suppression, VFIO, UIO.
 *
 * <p>Called by one thread at a time, the one that waits; on a data path, so it must not allocate.
 */
public interface InterruptLine {
    /**
     * Asks the line to signal, then looks again: the second step closes the gap in which work came
     * after the last look and before the line knew that somebody would sleep. Who writes a flag in
     * shared memory puts a full fence between the two.
     *
     * @return true when work is there already: then do not sleep
     */
    boolean unmask();

    /** Asks the line not to signal. A signal under way may still come. */
    void mask();

    /** Whether work is there: a cheap look, used while spinning. */
    boolean isPending();

    /**
     * Whether {@link #isPending} can ever find work. Where only the signal tells of it, who waits
     * sleeps at once, whatever the policy: to spin would be to wait with a processor.
     */
    default boolean tellsOfWork() {
        return true;
    }
}
