package dev.outboard.dma;

/** A mapping or an allocation was refused because a quota is used up; the message names it. */
public final class QuotaExceededException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** Says which quota of whom, its usage, barrier and limit, and what to do. */
    public QuotaExceededException(String message) {
        super(message);
    }
}
