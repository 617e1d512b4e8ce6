package dev.outboard.host.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Whether this process was asked to end, by SIGTERM, SIGINT or SIGHUP. Any thread.
 *
 * <p>The virtual machine answers a signal with its shutdown hooks. Ours wakes whoever waits here,
 * lets the main thread clean up and return its exit code, and ends the process with that code: a
 * command that was asked to stop and did so has not failed.
 */
public final class StopRequest {
    private static final StopRequest INSTANCE = new StopRequest();
    private static final long CLEAN_UP_SECONDS = 10;
    private static final int EXIT_NOT_CLEAN = 1;

    private final CountDownLatch asked = new CountDownLatch(1);
    private final CountDownLatch ended = new CountDownLatch(1);
    private final List<Runnable> listeners = new ArrayList<>();
    private volatile int exitCode = EXIT_NOT_CLEAN;

    StopRequest() {}

    /** The one of this process. */
    public static StopRequest ofProcess() {
        return INSTANCE;
    }

    /** Whether to end. */
    public boolean isStopping() {
        return asked.getCount() == 0;
    }

    /** Asks to end, as a signal does. */
    public void stop() {
        List<Runnable> told;
        synchronized (listeners) {
            asked.countDown();
            told = List.copyOf(listeners);
            listeners.clear();
        }
        told.forEach(Runnable::run);
    }

    /** Runs once when asked to end, on another thread; at once where that already happened. */
    public void onStop(Runnable listener) {
        synchronized (listeners) {
            if (!isStopping()) {
                listeners.add(listener);
                return;
            }
        }
        listener.run();
    }

    /**
     * Waits until asked to end.
     *
     * @return false when the time was up
     */
    public boolean await(long timeoutNanos) {
        try {
            return asked.await(timeoutNanos, TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return true;
        }
    }

    /** Listens to signals. Once, by main. */
    void install() {
        Runtime.getRuntime()
                .addShutdownHook(Thread.ofPlatform().name("outboard-stop").unstarted(this::onExit));
    }

    /** The main thread has cleaned up. */
    void finished(int code) {
        exitCode = code;
        ended.countDown();
    }

    private void onExit() {
        if (ended.getCount() == 0) {
            return;
        }
        stop();
        var clean = false;
        try {
            clean = ended.await(CLEAN_UP_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (!clean) {
            System.err.println(
                    "outboard: could not clean up within "
                            + CLEAN_UP_SECONDS
                            + " s, ending anyway");
        }
        System.out.flush();
        Runtime.getRuntime().halt(clean ? exitCode : EXIT_NOT_CLEAN);
    }
}
