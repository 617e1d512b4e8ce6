package dev.outboard.dma.mediator;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * How many faults of a domain's devices its client is told of: so many in a while, and no more
 * while as many are on their way. What a client is told unasked may not fill the socket on which it
 * gets its answers: a device that faults all the time would have it taken for one that does not
 * read.
 *
 * <p>{@link #admits} is the thread's of the devices' owner, {@link #told} the mediator's.
 */
final class FaultMeter {
    /** Far fewer than a socket holds: a client may not run for several of these while. */
    static final int MOST = 32;

    private static final long WHILE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private final AtomicInteger waiting = new AtomicInteger();
    private boolean begun;
    private long beganNanos;
    private int admitted;

    /** Whether one more is to be told. */
    boolean admits(long nowNanos) {
        if (!begun || nowNanos - beganNanos >= WHILE_NANOS) {
            begun = true;
            beganNanos = nowNanos;
            admitted = 0;
        }
        if (admitted == MOST || waiting.get() >= MOST) {
            return false;
        }
        admitted++;
        waiting.incrementAndGet();
        return true;
    }

    /** One was told, or there is nobody to tell. */
    void told() {
        waiting.decrementAndGet();
    }
}
