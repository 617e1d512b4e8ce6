package dev.outboard.perf.measure;

import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/**
 * Shows how far a run is: a bar on a terminal, a line for each step elsewhere, nothing to machines.
 *
 * <p>Steps have an expected length, in seconds; within a step the bar moves with the clock, and
 * never beyond the step's end. One thread calls; a daemon thread moves the bar.
 */
public final class Progress implements AutoCloseable {
    private static final int UNITS_A_SECOND = 10;

    private final ProgressBar bar;
    private final ScheduledExecutorService clock;
    private final boolean lines;
    private long base;
    private long limit;
    private long since;

    private Progress(ProgressBar bar, boolean lines) {
        this.bar = bar;
        this.lines = lines;
        if (bar == null) {
            clock = null;
            return;
        }
        clock =
                Executors.newSingleThreadScheduledExecutor(
                        work -> Thread.ofPlatform().daemon().name("progress").unstarted(work));
        clock.scheduleAtFixedRate(this::tick, 100, 100, TimeUnit.MILLISECONDS);
    }

    /** Progress on standard error, which machines that read the output do not see. */
    public static Progress start(String title, double seconds, boolean machines) {
        if (machines) {
            return new Progress(null, false);
        }
        var console = System.console();
        if (console == null || !console.isTerminal()) {
            return new Progress(null, true);
        }
        return new Progress(
                new ProgressBarBuilder()
                        .setTaskName(title)
                        .setInitialMax(units(seconds))
                        .setStyle(ProgressBarStyle.ASCII)
                        .setUpdateIntervalMillis(100)
                        .hideEta()
                        .build(),
                false);
    }

    /** The next step begins, and will take about so long. */
    public synchronized void step(String name, double seconds) {
        base = limit;
        limit = base + units(seconds);
        since = System.nanoTime();
        if (lines) {
            System.err.println(name + " …");
        } else if (bar != null) {
            bar.setExtraMessage(name);
            bar.stepTo(base);
        }
    }

    /** What is done within the step. */
    public synchronized void tell(String what) {
        if (lines) {
            System.err.println(what + " …");
        } else if (bar != null) {
            bar.setExtraMessage(what);
        }
    }

    private synchronized void tick() {
        bar.stepTo(Math.min(limit, base + units((System.nanoTime() - since) / 1e9)));
    }

    private static long units(double seconds) {
        return Math.round(seconds * UNITS_A_SECOND);
    }

    @Override
    public void close() {
        if (bar != null) {
            clock.shutdownNow();
            bar.close();
        }
    }
}
