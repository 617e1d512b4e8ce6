package dev.outboard.perf.dmaperf;

import dev.outboard.host.cli.CommandException;
import dev.outboard.perf.setup.Processors;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Measures on as many threads as there are services, all at the same time. */
final class MappingThreads {
    private static final int LIMIT_SECONDS = 60;

    private MappingThreads() {}

    /** The calling thread is the first of them. */
    static void run(List<Work> works, long warmUpNanos, DriverTimes times) {
        var begin = new CyclicBarrier(works.size());
        List<FutureTask<Void>> others = new ArrayList<>();
        for (int index = 1; index < works.size(); index++) {
            int thread = index;
            var task =
                    new FutureTask<Void>(
                            () -> {
                                Processors.pinDriver(thread);
                                measure(works.get(thread).bursts(), begin, warmUpNanos, times);
                                return null;
                            });
            others.add(task);
            Thread.ofPlatform().daemon().name("mapper-" + thread).start(task);
        }
        try {
            measure(works.getFirst().bursts(), begin, warmUpNanos, times);
            for (var other : others) {
                other.get();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CommandException("interrupted while it measured", e);
        } catch (ExecutionException e) {
            throw new CommandException(
                    "a mapping thread failed: " + e.getCause().getMessage(), e.getCause());
        }
    }

    private static void measure(
            Bursts bursts, CyclicBarrier begin, long warmUpNanos, DriverTimes times) {
        try {
            begin.await(LIMIT_SECONDS, TimeUnit.SECONDS);
            bursts.warmUp(warmUpNanos);
            begin.await(LIMIT_SECONDS, TimeUnit.SECONDS);
            bursts.measure(times.pointNanos());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CommandException("interrupted while it measured", e);
        } catch (BrokenBarrierException | TimeoutException e) {
            throw new CommandException("another mapping thread failed", e);
        }
    }
}
