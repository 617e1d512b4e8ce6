package dev.outboard.dma;

import java.util.ArrayDeque;
import java.util.Deque;

/** What takes back the steps of a change that was refused half-way, the last first. One thread. */
final class Undo {
    private final Deque<Runnable> steps = new ArrayDeque<>();

    void add(Runnable step) {
        steps.push(step);
    }

    /** Takes back all of it, whatever fails on the way. */
    void all(RuntimeException cause) {
        for (Runnable step : steps) {
            try {
                step.run();
            } catch (RuntimeException further) {
                cause.addSuppressed(further);
            }
        }
        steps.clear();
    }
}
