package dev.outboard.uio;

/** What can mask an interrupt: a queue's event suppression, VFIO, UIO. */
public interface InterruptLine {
    /**
     * Asks the line to signal.
     *
     * @return true when work is already there: then do not sleep
     */
    boolean unmask();

    /** Asks the line not to signal. */
    void mask();

    /** A cheap look for work, used while spinning. */
    boolean isPending();
}
