package dev.outboard.dma.mediator;

/**
 * How much of a resource a client may use, after the beancounters of OpenVZ (OLS 2007, section
 * 2.2): at the barrier what is ordinary is refused, and what a driver cannot do without, as its
 * rings, goes on to the limit. So a driver notices that it runs short while it can still stop
 * decently.
 *
 * @param barrier ordinary use stays at or below this
 * @param limit essential use stays at or below this, which is the barrier or more
 */
public record Quota(long barrier, long limit) {
    /** No bound but the machine's. */
    public static final Quota UNLIMITED = new Quota(Long.MAX_VALUE, Long.MAX_VALUE);

    /** Checks the order. */
    public Quota {
        if (barrier < 0 || limit < barrier) {
            throw new IllegalArgumentException(
                    "barrier=%d limit=%d: 0 <= barrier <= limit is needed"
                            .formatted(barrier, limit));
        }
    }

    private static String text(long bound) {
        return bound == Long.MAX_VALUE ? "unlimited" : Long.toString(bound);
    }

    /** As the option writes it. */
    @Override
    public String toString() {
        return text(barrier) + ":" + text(limit);
    }
}
