package dev.outboard.uio;

/**
 * How long to look before sleeping.
 *
 * @param spinNanos how long to look for work before asking for a signal
 * @param pause whether to use the processor's pause instruction between looks
 */
public record WaitPolicy(long spinNanos, boolean pause) {
    /** Sleep at once. */
    public static final WaitPolicy BLOCK = new WaitPolicy(0, false);

    /** A short look, then sleep. */
    public static final WaitPolicy DEFAULT = new WaitPolicy(20_000, false);
}
