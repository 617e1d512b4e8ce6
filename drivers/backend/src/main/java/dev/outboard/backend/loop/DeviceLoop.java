package dev.outboard.backend.loop;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.Epoll;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.WaitPolicy;
import java.util.ArrayList;
import java.util.List;

/**
 * The one thread of a device process: works while there is work, looks a little longer, and sleeps.
 *
 * <pre>
 *        ┌────────────────────────────────────────────────────────────────┐
 *        ▼                                                                │
 *   work a burst ──► some? ──yes──► a millisecond over? look at sockets ──┤
 *                      │no                                                │
 *                      ├─ not long yet ───────────────────────────────────┤
 *                      ▼                                                  │
 *            ask for doorbells, look again ──work──────────────────────── ┤
 *                      │none                                              │
 *                      ▼                                                  │
 *            sleep until a doorbell, a message, a hang-up ────────────────┘
 * </pre>
 *
 * <p>{@link #watch}, {@link #unwatch} and {@link #run} belong to the loop's thread, or to whoever
 * starts it before it runs; {@link #stop} may come from any.
 */
public final class DeviceLoop implements AutoCloseable {
    /** How long sockets are not looked at while there is work. */
    public static final long LOOK_NANOS = 1_000_000;

    /** Sleep without limit. */
    public static final long FOREVER = -1;

    private static final int WAKE_TOKEN = 0;

    private final Epoll epoll = Epoll.create();
    private final EventDescriptor wake;
    private final WaitPolicy wait;
    private final List<Watch> watches = new ArrayList<>();
    private final Epoll.ReadyHandler handler = this::onReady;
    private volatile boolean stopping;
    private long lookedNanos;
    private long busyNanos;

    /** What happens when a descriptor is ready. */
    @FunctionalInterface
    public interface Watch {
        /** The descriptor has these events, bits of {@link Epoll}. */
        void onReady(int events);
    }

    /** What the device does. All on the loop's thread. */
    public interface Work {
        /**
         * Does a bounded burst of whatever there is to do.
         *
         * @return whether there was anything
         */
        boolean work(long nowNanos);

        /**
         * Asks every driver for its doorbell, and looks again.
         *
         * @return whether there is work already
         */
        boolean askForDoorbells(long nowNanos);

        /** How long to sleep at most, or {@link #FOREVER}. */
        long sleepLimitNanos(long nowNanos);

        /** After how long sockets are looked at while there is work. */
        long lookIntervalNanos();

        /** Descriptors were looked at: sessions may have failed. */
        void afterLook(long nowNanos);

        /** Some driver's memory is gone: an access to it failed, a moment ago. */
        void memoryFailed(InternalError error);
    }

    public DeviceLoop(WaitPolicy wait) {
        this.wait = wait;
        try {
            wake = EventDescriptor.create();
        } catch (RuntimeException e) {
            epoll.close();
            throw e;
        }
        watches.add(events -> wake.drain());
        epoll.add(wake.descriptor(), Epoll.READABLE, WAKE_TOKEN);
    }

    /**
     * Watches a descriptor.
     *
     * @return the token for {@link #unwatch}
     */
    public int watch(Descriptor descriptor, int interest, Watch watch) {
        int token = watches.indexOf(null);
        if (token < 0) {
            token = watches.size();
            watches.add(null);
        }
        epoll.add(descriptor, interest, token);
        watches.set(token, watch);
        return token;
    }

    /** Watches a descriptor no more; it is still open. */
    public void unwatch(Descriptor descriptor, int token) {
        watches.set(token, null);
        epoll.remove(descriptor);
    }

    /** Runs until {@link #stop}. */
    public void run(Work work) {
        lookedNanos = System.nanoTime();
        busyNanos = lookedNanos;
        while (!stopping) {
            try {
                turn(work);
            } catch (InternalError e) {
                // Out here, as the virtual machine tells it a little later than it happened.
                work.memoryFailed(e);
            }
        }
    }

    private void turn(Work work) {
        long now = System.nanoTime();
        if (work.work(now)) {
            busyNanos = now;
        } else if (now - busyNanos < wait.spinNanos()) {
            if (wait.pause()) {
                Thread.onSpinWait();
            }
        } else if (!work.askForDoorbells(now)) {
            look(work, work.sleepLimitNanos(now));
            busyNanos = lookedNanos;
            return;
        }
        if (now - lookedNanos >= work.lookIntervalNanos()) {
            look(work, 0);
        }
    }

    private void look(Work work, long timeoutNanos) {
        epoll.await(timeoutNanos, handler);
        lookedNanos = System.nanoTime();
        work.afterLook(lookedNanos);
    }

    private void onReady(int token, int events) {
        // A watch that went away in this very round leaves null behind.
        Watch watch = watches.get(token);
        if (watch != null) {
            watch.onReady(events);
        }
    }

    /** Has the device look for work soon, though nobody rang. Any thread. */
    public void wake() {
        wake.signal();
    }

    /** Ends {@link #run} soon. Any thread. */
    public void stop() {
        stopping = true;
        wake.signal();
    }

    @Override
    public void close() {
        epoll.close();
        wake.close();
    }
}
