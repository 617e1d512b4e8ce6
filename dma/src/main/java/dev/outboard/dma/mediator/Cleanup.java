package dev.outboard.dma.mediator;

import java.util.List;

/**
 * Steps that must all be over before something is taken back, or is there, and what is done then.
 * If a device holds them up that is told once; the rest waits until the device moves or dies. The
 * mediator's thread.
 */
final class Cleanup {
    private final List<? extends Step> steps;
    private final Runnable onDone;
    private final Runnable onStuck;
    private boolean toldStuck;
    private boolean done;

    /** Something that takes a while, done or looked at in bounded pieces. */
    interface Step {
        /** Does a piece; true when it is over. */
        boolean step(long nowNanos);

        /** Whether there is something to do before a device moves. */
        boolean isBusy();

        /** Whether a device holds it up beyond its limit. */
        boolean isStuck(long nowNanos);
    }

    /**
     * @param onDone all steps are over
     * @param onStuck a device holds them up beyond its limit
     */
    Cleanup(List<? extends Step> steps, Runnable onDone, Runnable onStuck) {
        this.steps = steps;
        this.onDone = onDone;
        this.onStuck = onStuck;
    }

    /** Does a piece of each; true when all of it is over. */
    boolean step(long nowNanos) {
        boolean all = true;
        for (Step step : steps) {
            if (!step.step(nowNanos)) {
                all = false;
                if (!toldStuck && step.isStuck(nowNanos)) {
                    toldStuck = true;
                    onStuck.run();
                }
            }
        }
        if (all && !done) {
            done = true;
            onDone.run();
        }
        return all;
    }

    /** Whether there is something to do before a device moves. */
    boolean isBusy() {
        for (Step step : steps) {
            if (step.isBusy()) {
                return true;
            }
        }
        return false;
    }
}
