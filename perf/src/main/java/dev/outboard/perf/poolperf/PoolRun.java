package dev.outboard.perf.poolperf;

import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.pool.PagePool;
import dev.outboard.dma.pool.PoolLevels;
import dev.outboard.dma.pool.PoolPage;
import dev.outboard.dma.pool.PoolStatistics;
import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.StopRequest;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** One run of both takers against a pool of its own. */
final class PoolRun {
    /** The rate of the issue: a burst each 640 us. */
    static final int PAGES_PER_SECOND = 100_000;

    private static final long SAMPLE_NANOS = TimeUnit.MILLISECONDS.toNanos(2);
    private static final int SAMPLES = 1024;
    private static final double MOST_WARM_UP_SECONDS = 2;
    private static final int WARM_UP_SHARE = 10;

    /** Of the memory, what the greedy one holds before it gives all back. */
    private static final int GREEDY_SHARE = 8;

    private final double seconds;
    private final long memoryBytes;
    private final boolean isPatient;

    /** What came out. */
    record Result(
            double seconds,
            UrgentLoad urgent,
            GreedyLoad greedy,
            PoolStatistics pool,
            List<PoolLevels.Sample> levels) {}

    /**
     * @param isPatient whether the greedy one is slowed down
     */
    PoolRun(double seconds, long memoryBytes, boolean isPatient) {
        this.seconds = seconds;
        this.memoryBytes = memoryBytes;
        this.isPatient = isPatient;
    }

    /**
     * Runs for as long as it takes.
     *
     * @throws CommandException when asked to stop before it was done
     */
    Result run() {
        try (PhysicalMemory memory = PhysicalMemory.create(memoryBytes);
                PagePool pool = PagePool.open(memory, "poolperf")) {
            PoolLevels levels = new PoolLevels(pool, SAMPLES);
            long start = System.nanoTime();
            Deadline end = new Deadline(start + nanos(seconds));
            double warmUp = Math.min(MOST_WARM_UP_SECONDS, seconds / WARM_UP_SHARE);
            UrgentLoad urgent = new UrgentLoad(pool, PAGES_PER_SECOND, nanos(warmUp), end);
            int fill = (int) (memoryBytes / PoolPage.BYTES / GREEDY_SHARE);
            GreedyLoad greedy = new GreedyLoad(pool, isPatient, fill, end);
            List<Thread> threads =
                    List.of(
                            Thread.ofPlatform().daemon().name("urgent").start(urgent),
                            Thread.ofPlatform().daemon().name("greedy").start(greedy));
            PoolStatistics statistics = watch(pool, levels, threads, end);
            double lasted = (System.nanoTime() - start) / (double) nanos(1);
            return new Result(lasted, urgent, greedy, statistics, levels.samples());
        }
    }

    private static long nanos(double seconds) {
        return (long) (seconds * TimeUnit.SECONDS.toNanos(1));
    }

    /** Notes levels until both have ended. */
    private static PoolStatistics watch(
            PagePool pool, PoolLevels levels, List<Thread> threads, Deadline end) {
        StopRequest stop = StopRequest.ofProcess();
        while (threads.stream().anyMatch(Thread::isAlive)) {
            if (stop.await(SAMPLE_NANOS)) {
                end.isNow();
            }
            levels.sample();
        }
        if (stop.isStopping()) {
            throw new CommandException("stopped before it was done");
        }
        return pool.statistics();
    }
}
