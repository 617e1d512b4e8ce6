package dev.outboard.dma.mediator;

/**
 * Takes some frames out of one domain, a bounded piece of it at a time: no new mapping of them is
 * accepted any more, then their mappings are cleared, then the devices forget everything. Only when
 * that is done may the frames be used for something else.
 *
 * <p>While it goes on the domain's own requests wait. The mediator's thread.
 */
final class Sweep implements Cleanup.Step {
    /** How often a device that does not settle is looked at. */
    static final long PROBE_NANOS = 1_000_000;

    private static final long LOOK_NANOS = 20_000;
    static final int PAGES_AT_A_TIME = 1024;

    private final SessionDomain domain;
    private final long firstFrame;
    private final long endFrame;
    private long page = 1;
    private boolean settling;
    private boolean done;
    private long settlingSinceNanos;
    private long lookAtNanos;

    Sweep(SessionDomain domain, long firstFrame, long endFrame) {
        this.domain = domain;
        this.firstFrame = firstFrame;
        this.endFrame = endFrame;
        domain.beginSweep();
    }

    /** All frames of a domain that is being closed. */
    static Sweep all(SessionDomain domain) {
        return new Sweep(domain, 0, Long.MAX_VALUE);
    }

    SessionDomain domain() {
        return domain;
    }

    @Override
    public boolean step(long nowNanos) {
        if (done || domain.isClosed()) {
            // Closed: its own sweep was of all frames, and is over.
            return true;
        }
        if (page < domain.endPage()) {
            page = domain.revoke(page, firstFrame, endFrame, PAGES_AT_A_TIME);
            return false;
        }
        if (!settling) {
            settling = true;
            settlingSinceNanos = nowNanos;
            // Of what the client cleared itself a device may remember something, too.
            domain.forgetAll();
            domain.beginSettling();
        } else if (nowNanos - lookAtNanos < 0) {
            return false;
        }
        if (!domain.isSettled()) {
            lookAtNanos = nowNanos + LOOK_NANOS;
            return false;
        }
        done = true;
        domain.endSweep();
        return true;
    }

    @Override
    public boolean isStuck(long nowNanos) {
        return settling
                && !done
                && nowNanos - settlingSinceNanos > domain.held().options().flushLimitNanos();
    }

    @Override
    public boolean isBusy() {
        return !settling;
    }
}
