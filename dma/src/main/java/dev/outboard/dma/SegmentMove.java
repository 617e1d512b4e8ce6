package dev.outboard.dma;

/** A segment on its way to, or from, the devices of a domain; looked at, never waited for. */
public interface SegmentMove {
    /**
     * Whether every attached device has been told: from then on the owner does not use a segment
     * that goes.
     *
     * @throws IllegalArgumentException or {@link IllegalStateException} if it was refused
     */
    boolean isTold();

    /** Whether every attached device has done it, or is gone; throws like {@link #isTold}. */
    boolean isDone();
}
