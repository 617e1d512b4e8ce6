package dev.outboard.backend.loop;

import dev.outboard.uio.WaitPolicy;
import java.util.function.Function;

/**
 * The life of a device model: opened once, run by one thread, stopped from any.
 *
 * <p>Everything is opened on the thread that calls {@link #run} or {@link #start}, so that it gets
 * the errors; from then on the loop's thread owns it, and closes it at the end.
 */
public final class ModelRunner {
    private final String name;
    private final WaitPolicy wait;
    private final Function<DeviceLoop, Assembly> assembler;
    private DeviceLoop loop;
    private Assembly assembly;
    private Thread thread;
    private boolean used;
    private boolean stopped;

    /** What runs on the loop. */
    public interface Assembly extends AutoCloseable {
        DeviceLoop.Work work();

        @Override
        void close();
    }

    public ModelRunner(String name, WaitPolicy wait, Function<DeviceLoop, Assembly> assembler) {
        this.name = name;
        this.wait = wait;
        this.assembler = assembler;
    }

    /** Opens everything, or nothing; false when it was stopped before. */
    private synchronized boolean open(Thread runner) {
        if (stopped && !used) {
            // Stopped before it began: there is nothing to run.
            used = true;
            return false;
        }
        if (used) {
            throw new IllegalStateException(name + " was started before: make a new one");
        }
        used = true;
        loop = new DeviceLoop(wait);
        try {
            assembly = assembler.apply(loop);
        } catch (RuntimeException e) {
            loop.close();
            stopped = true;
            throw e;
        }
        thread = runner;
        return true;
    }

    /** Runs on the calling thread until stopped. */
    public void run(Runnable ready) {
        if (!open(Thread.currentThread())) {
            return;
        }
        try {
            ready.run();
            loop.run(assembly.work());
        } finally {
            end();
        }
    }

    /** Runs on a daemon thread of its own. */
    public void start() {
        Thread runner =
                Thread.ofPlatform()
                        .daemon()
                        .name(name)
                        .unstarted(
                                () -> {
                                    try {
                                        loop.run(assembly.work());
                                    } finally {
                                        end();
                                    }
                                });
        if (open(runner)) {
            runner.start();
        }
    }

    private void end() {
        try {
            assembly.close();
        } finally {
            synchronized (this) {
                stopped = true;
                loop.close();
                notifyAll();
            }
        }
    }

    /** Has the device look for work soon, if it runs. Any thread. */
    public synchronized void wake() {
        if (used && !stopped) {
            loop.wake();
        }
    }

    /** Ends it, and waits until everything is closed; harmless when it is not running. */
    public synchronized void stop() {
        if (!used) {
            stopped = true;
        }
        if (stopped) {
            return;
        }
        loop.stop();
        boolean interrupted = false;
        while (!stopped && thread != Thread.currentThread()) {
            try {
                wait();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
