package dev.outboard.dma.mediator;

/**
 * Counts the mappings of some frames in one domain, a bounded piece of it at a time. No new one is
 * accepted meanwhile, and the domain's own requests wait, so that the count is of one moment. The
 * mediator's thread.
 */
final class Look implements Cleanup.Step {
    private final SessionDomain domain;
    private final FrameRun run;
    private long page = 1;
    private long mappings;
    private boolean done;

    /** The frames must have been taken from what the domain may map. */
    Look(SessionDomain domain, FrameRun run) {
        this.domain = domain;
        this.run = run;
        domain.beginSweep();
    }

    SessionDomain domain() {
        return domain;
    }

    /** How many there are, once it is over. */
    long mappings() {
        return mappings;
    }

    @Override
    public boolean step(long nowNanos) {
        if (!done && (domain.isClosed() || page >= domain.endPage())) {
            done = true;
            domain.endSweep();
        }
        if (!done) {
            page =
                    domain.walk(
                            page,
                            run.firstFrame(),
                            run.endFrame(),
                            Sweep.PAGES_AT_A_TIME,
                            (start, pages) -> mappings++);
        }
        return done;
    }

    @Override
    public boolean isBusy() {
        return !done;
    }

    /** It waits for no device. */
    @Override
    public boolean isStuck(long nowNanos) {
        return false;
    }
}
