package dev.outboard.perf.physperf;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;

/**
 * Times a loop by what the calling thread ran, slice by slice. A slice in which it waited for a
 * processor is made again a few times: who ran meanwhile emptied its caches. One thread.
 */
final class Stopwatch {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final double MOST_WAITED = 0.05;

    /** What reading the clocks may look like. */
    private static final long CLOCK_NANOS = 20_000;

    private static final int TRIES = 4;

    /** Look-ups of a slice: about a millisecond, less than a thread may run at a stretch. */
    private static final int SLICE = 200_000;

    private final long deadlineNanos;
    private long waited;
    private long slices;
    private long repeated;

    /** Keeps what the loops return, so that no compiler leaves them out. */
    private volatile long sum;

    /**
     * A stopwatch that makes no run again later than this.
     *
     * @param deadlineNanos by {@link System#nanoTime}
     */
    Stopwatch(long deadlineNanos) {
        this.deadlineNanos = deadlineNanos;
    }

    /** The seconds it ran. */
    double seconds(Loop loop, int lookups, long seed, long frames) {
        long run = 0;
        for (int done = 0; done < lookups; done += SLICE) {
            int slice = Math.min(SLICE, lookups - done);
            run += slice(loop, slice, seed + Draw.STEP * done, frames);
        }
        return run / 1e9;
    }

    private long slice(Loop loop, int lookups, long seed, long frames) {
        slices++;
        long run = once(loop, lookups, seed, frames);
        for (int tried = 1; waited > 0 && tried < TRIES && !isLate(); tried++) {
            repeated++;
            long least = waited;
            long again = once(loop, lookups, seed, frames);
            run = waited <= least ? again : run;
            waited = Math.min(waited, least);
        }
        return run;
    }

    private long once(Loop loop, int lookups, long seed, long frames) {
        long start = System.nanoTime();
        long before = THREADS.getCurrentThreadCpuTime();
        sum += loop.run(lookups, seed, frames);
        long run = THREADS.getCurrentThreadCpuTime() - before;
        long elapsed = System.nanoTime() - start;
        long away = elapsed - run;
        waited = away > CLOCK_NANOS + MOST_WAITED * elapsed ? away : 0;
        return run;
    }

    /** Runs it for so long without timing: the compiler's time, and the caches'. */
    void warmUp(Loop loop, int lookups, long frames, long nanos) {
        long end = System.nanoTime() + nanos;
        for (long seed = 0; System.nanoTime() < end; seed++) {
            sum += loop.run(lookups, seed, frames);
        }
    }

    boolean isLate() {
        return System.nanoTime() - deadlineNanos > 0;
    }

    /** How many slices were timed. */
    long slices() {
        return slices;
    }

    /** How many were made again. */
    long repeated() {
        return repeated;
    }
}
