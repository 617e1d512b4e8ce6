package dev.outboard.driver.net;

import dev.outboard.driver.DeviceException;
import java.util.ArrayList;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.IntConsumer;

/**
 * A thread for each pair of queues, the first being the caller's: for clients that do the same on
 * every pair. Stateless; allocates when it starts, and nothing of a frame's.
 */
public final class QueueThreads {
    private QueueThreads() {}

    /**
     * Runs {@code work} for pairs 0 up to {@code pairs}, and returns when all have ended. One that
     * fails does not end the others: work looks at {@link
     * dev.outboard.driver.ClientContext#isStopping} and fails with its device by itself.
     *
     * @throws RuntimeException the first that one of them ended with
     */
    public static void run(int pairs, IntConsumer work) {
        var failure = new AtomicReference<RuntimeException>();
        var threads = new ArrayList<Thread>();
        for (int pair = 1; pair < pairs; pair++) {
            int mine = pair;
            threads.add(
                    Thread.ofPlatform()
                            .daemon()
                            .name("queue-" + pair)
                            .start(() -> guarded(work, mine, failure)));
        }
        guarded(work, 0, failure);
        try {
            for (var thread : threads) {
                thread.join();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new DeviceException("interrupted while queues were at work", e);
        }
        if (failure.get() != null) {
            throw failure.get();
        }
    }

    private static void guarded(
            IntConsumer work, int pair, AtomicReference<RuntimeException> failure) {
        try {
            work.accept(pair);
        } catch (RuntimeException e) {
            failure.compareAndSet(null, e);
        }
    }
}
