package dev.outboard.dma.mediator;

import dev.outboard.dma.SegmentMove;

/**
 * A segment that comes to the devices of a domain, or goes. A device that does not say that it has
 * mapped it is waited for a while, and then left behind: what it does not map it cannot reach. One
 * that does not unmap need not be waited for, once it was told: no entry leads there any more. The
 * mediator's thread.
 */
final class Moving implements Cleanup.Step {
    private static final System.Logger LOG = System.getLogger(Mediator.class.getName());
    private static final long PATIENCE_NANOS = 1_000_000_000;

    private final SegmentMove move;
    private final boolean comes;
    private final long sinceNanos = System.nanoTime();

    private Moving(SegmentMove move, boolean comes) {
        this.move = move;
        this.comes = comes;
    }

    static Moving coming(SegmentMove move) {
        return new Moving(move, true);
    }

    static Moving going(SegmentMove move) {
        return new Moving(move, false);
    }

    @Override
    public boolean step(long nowNanos) {
        try {
            return move.isTold()
                    && (!comes || move.isDone() || nowNanos - sinceNanos > PATIENCE_NANOS);
        } catch (IllegalStateException | IllegalArgumentException refused) {
            // The domain is being closed, or has too many: its devices do not get it.
            LOG.log(System.Logger.Level.WARNING, "mediator: {0}", refused.getMessage());
            return true;
        }
    }

    @Override
    public boolean isBusy() {
        return false;
    }

    @Override
    public boolean isStuck(long nowNanos) {
        return false;
    }
}
