package dev.outboard.perf.poolperf;

import dev.outboard.dma.pool.PagePool;
import dev.outboard.dma.pool.PoolPage;
import dev.outboard.dma.pool.UrgentTaker;
import dev.outboard.perf.setup.Processors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;

/**
 * A path that may not block: takes bursts of pages by a timetable, times each, and gives them back
 * some bursts later. Its thread's own; figures are read when the thread has ended. Allocates
 * nothing while it runs.
 */
final class UrgentLoad implements Runnable {
    /** Pages in a burst. */
    static final int BURST = 64;

    /** Bursts that are held: as packets on their way. */
    private static final int BURSTS_HELD = 8;

    private static final long LONGEST_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final int DIGITS = 3;
    private static final int CLOCK_READS = 20_000;

    private final PagePool pool;
    private final long burstNanos;
    private final long warmUpNanos;
    private final Deadline end;
    private final PoolPage[][] held = new PoolPage[BURSTS_HELD][BURST];
    private final Histogram takes = new Histogram(LONGEST_NANOS, DIGITS);
    private final Histogram clock = new Histogram(LONGEST_NANOS, DIGITS);
    private long wanted;
    private long refusals;
    private long latestNanos;
    private long lastedNanos;

    /**
     * @param pagesPerSecond on average
     * @param warmUpNanos whose takes are not timed; refusals count from the start
     */
    UrgentLoad(PagePool pool, int pagesPerSecond, long warmUpNanos, Deadline end) {
        this.pool = pool;
        this.warmUpNanos = warmUpNanos;
        this.end = end;
        burstNanos = TimeUnit.SECONDS.toNanos(1) * BURST / pagesPerSecond;
    }

    @Override
    public void run() {
        Processors.pinDriver(0);
        try (UrgentTaker taker = pool.openUrgent()) {
            long start = System.nanoTime();
            int burst = 0;
            for (long due = start; !end.isPast(due); due += burstNanos) {
                awaitTime(due);
                PoolPage[] pages = held[burst];
                giveBack(taker, pages);
                take(taker, pages, due - start >= warmUpNanos);
                burst = (burst + 1) % BURSTS_HELD;
            }
            lastedNanos = System.nanoTime() - start;
            for (PoolPage[] pages : held) {
                giveBack(taker, pages);
            }
            // The first time to have it compiled.
            timeClock();
            clock.reset();
            timeClock();
        }
    }

    private void awaitTime(long dueNanos) {
        long left = dueNanos - System.nanoTime();
        latestNanos = Math.max(latestNanos, -left);
        while (left > 0) {
            LockSupport.parkNanos(left);
            left = dueNanos - System.nanoTime();
        }
    }

    private void take(UrgentTaker taker, PoolPage[] into, boolean isTimed) {
        for (int index = 0; index < BURST; index++) {
            long before = System.nanoTime();
            PoolPage page = taker.tryTake();
            long nanos = System.nanoTime() - before;
            if (isTimed) {
                takes.recordValue(Math.min(nanos, LONGEST_NANOS));
            }
            wanted++;
            refusals += page == null ? 1 : 0;
            into[index] = page;
        }
    }

    private static void giveBack(UrgentTaker taker, PoolPage[] pages) {
        for (int index = 0; index < BURST; index++) {
            if (pages[index] != null) {
                taker.giveBack(pages[index]);
                pages[index] = null;
            }
        }
    }

    /** What two readings of the clock cost: every take has it in its time. */
    private void timeClock() {
        for (int read = 0; read < CLOCK_READS; read++) {
            long before = System.nanoTime();
            clock.recordValue(Math.min(System.nanoTime() - before, LONGEST_NANOS));
        }
    }

    /** Times to take a page, in nanoseconds, with two readings of the clock. */
    Histogram takes() {
        return takes;
    }

    /** Times between two readings of the clock, in nanoseconds. */
    Histogram clock() {
        return clock;
    }

    long wanted() {
        return wanted;
    }

    long refusals() {
        return refusals;
    }

    /** For how long it took pages. */
    double seconds() {
        return lastedNanos / (double) TimeUnit.SECONDS.toNanos(1);
    }

    /** How late a burst was at most. */
    long latestNanos() {
        return latestNanos;
    }
}
