package dev.outboard.host.run;

import dev.outboard.host.cli.StopRequest;
import java.util.concurrent.TimeUnit;

/**
 * How long a host waits for a device that went away. It waits from the moment at which a running
 * driver lost its device; a device that only comes to leave again does not buy itself more.
 */
final class Patience {
    private static final long RETRY_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private final StopRequest stop;
    private final long limitSeconds;
    private boolean waiting;
    private long deadlineNanos;

    Patience(StopRequest stop, long limitSeconds) {
        this.stop = stop;
        this.limitSeconds = limitSeconds;
    }

    /**
     * A device was lost.
     *
     * @param wasUp whether its driver had started
     * @return whether to try again, after a moment
     */
    boolean lost(boolean wasUp) {
        if (limitSeconds == 0) {
            return false;
        }
        if (wasUp) {
            waiting = true;
            deadlineNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(limitSeconds);
        }
        return pause();
    }

    /** There is no device; whether to try again, after a moment. */
    boolean absent() {
        return pause();
    }

    /** Whether a running driver lost its device, and it is waited for. */
    boolean isWaiting() {
        return waiting;
    }

    private boolean pause() {
        return waiting && !stop.await(RETRY_NANOS) && System.nanoTime() - deadlineNanos < 0;
    }
}
