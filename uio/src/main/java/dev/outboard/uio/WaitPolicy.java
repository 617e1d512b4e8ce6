package dev.outboard.uio;

/**
 * How long to look for work before going to sleep.
 *
 * @param spinNanos how long to look before a signal is asked for; 0 not at all
 * @param pause whether to use the processor's pause instruction between looks: kind to the other
 *     hardware thread, but on a virtual machine it may leave to the hypervisor and cost
 *     microseconds
 */
public record WaitPolicy(long spinNanos, boolean pause) {
    /** Sleeps at once: the processor is free for others. */
    public static final WaitPolicy BLOCK = new WaitPolicy(0, false);

    /**
     * Looks about as long as it costs to sleep and be woken, then sleeps: never much worse than the
     * better of the two. Blocking, a signal and its answer take about 8 µs between two threads.
     */
    public static final WaitPolicy DEFAULT = new WaitPolicy(10_000, false);

    /** Never sleeps of its own accord: a processor of its own for the shortest answer. */
    public static final WaitPolicy SPIN = new WaitPolicy(Long.MAX_VALUE, false);

    /** Whether it never sleeps of its own accord. */
    public boolean isPolling() {
        return spinNanos == Long.MAX_VALUE;
    }

    /** Checks the values. */
    public WaitPolicy {
        if (spinNanos < 0) {
            throw new IllegalArgumentException("spinNanos is not negative: " + spinNanos);
        }
    }
}
