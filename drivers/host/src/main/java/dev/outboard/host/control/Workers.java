package dev.outboard.host.control;

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Who finds answers: one thread looks and one changes, so that a change that waits holds up nobody
 * who looks. Both end when nobody asks for a while. What waits for them is bounded.
 */
final class Workers implements AutoCloseable {
    private static final int MOST_WAITING = 32;
    private static final long IDLE_SECONDS = 5;

    private final ThreadPoolExecutor look = executor("control-look");
    private final ThreadPoolExecutor change = executor("control-change");

    private static ThreadPoolExecutor executor(String name) {
        var executor =
                new ThreadPoolExecutor(
                        1,
                        1,
                        IDLE_SECONDS,
                        TimeUnit.SECONDS,
                        new ArrayBlockingQueue<>(MOST_WAITING),
                        Thread.ofPlatform().daemon().name(name).factory());
        executor.allowCoreThreadTimeOut(true);
        return executor;
    }

    /**
     * Runs it when those before are done.
     *
     * @throws RejectedExecutionException if too many wait, or this is closed
     */
    void run(boolean changes, Runnable work) {
        (changes ? change : look).execute(work);
    }

    /** Begins nothing more, and interrupts what waits. */
    @Override
    public void close() {
        look.shutdownNow();
        change.shutdownNow();
    }
}
