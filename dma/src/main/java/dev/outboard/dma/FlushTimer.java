package dev.outboard.dma;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.concurrent.locks.LockSupport;

/**
 * Flushes what unmapped pages wait too long for, also when their driver is idle: one daemon thread
 * for all domains of the process, which lives as long as somebody needs it.
 *
 * <p>A flush is begun when half the bound has passed, and looked at now and then: a device that
 * stays in its DMA section holds up its own domain's bound, and no other.
 *
 * <p>Sleeping and waking: the thread writes when it will wake, <em>full fence</em>, looks whether
 * anything waits, sleeps. A service writes that something waits, <em>full fence</em>, looks when
 * the thread will wake, and wakes it if that is too late.
 */
final class FlushTimer {
    private static final System.Logger LOG = System.getLogger(FlushTimer.class.getName());
    private static final FlushTimer SHARED = new FlushTimer();
    private static final VarHandle WAKES;
    private static final long NEVER_NANOS = Long.MAX_VALUE / 2;
    private static final long POLL_NANOS = 50_000;
    private static final long LAST_POLL_NANOS = 1_000_000;

    static {
        try {
            WAKES = MethodHandles.lookup().findVarHandle(FlushTimer.class, "wakes", long.class);
        } catch (ReflectiveOperationException impossible) {
            throw new ExceptionInInitializerError(impossible);
        }
    }

    /** Never changed, only replaced. */
    private volatile Watch[] watches = {};

    private Thread thread;

    /** When the thread wakes by itself. */
    private long wakes;

    private FlushTimer() {}

    /** The timer of this process. */
    static FlushTimer shared() {
        return SHARED;
    }

    /** Watches a window until {@link Watch#close}; takes the flush, to close it then. */
    synchronized Watch watch(StaleWindow window, SideFlush flush, long boundNanos) {
        Watch watch = new Watch(this, window, flush, boundNanos);
        Watch[] more = Arrays.copyOf(watches, watches.length + 1);
        more[watches.length] = watch;
        watches = more;
        if (thread == null) {
            WAKES.setVolatile(this, System.nanoTime());
            thread = Thread.ofPlatform().daemon().name("flush-timer").unstarted(this::run);
            thread.setPriority(Thread.MAX_PRIORITY);
            thread.start();
        }
        return watch;
    }

    private synchronized void remove(Watch watch) {
        watches = Arrays.stream(watches).filter(other -> other != watch).toArray(Watch[]::new);
        if (watches.length == 0) {
            wake();
        }
    }

    private synchronized void wake() {
        if (thread != null) {
            LockSupport.unpark(thread);
        }
    }

    /** Whether nobody needs the thread any more; then it is over. */
    private synchronized boolean isOver() {
        if (watches.length == 0) {
            thread = null;
            return true;
        }
        return false;
    }

    private void run() {
        while (!isOver()) {
            long now = System.nanoTime();
            long next = serve(now);
            WAKES.setVolatile(this, now + next);
            // Full fence: "wakes" is visible before the windows are looked at again. Partner: the
            // fence in Watch.waits.
            VarHandle.fullFence();
            long left = Math.min(next, serve(System.nanoTime()));
            if (left > 0 && watches.length > 0) {
                LockSupport.parkNanos(this, left);
            }
        }
    }

    /** Begins and looks at flushes; how long until there is something to do again. */
    private long serve(long nowNanos) {
        long next = NEVER_NANOS;
        for (Watch watch : watches) {
            next = Math.min(next, serve(watch, nowNanos));
        }
        return next;
    }

    /** What is wrong with one service may not end the bounds of all others. */
    private long serve(Watch watch, long nowNanos) {
        try {
            return watch.serve(nowNanos);
        } catch (IllegalStateException ended) {
            // The holder of the translations has ended without the service, as a mediator may.
            remove(watch);
        } catch (RuntimeException defect) {
            LOG.log(System.Logger.Level.ERROR, "a timer's flush failed and is given up", defect);
            remove(watch);
        }
        return NEVER_NANOS;
    }

    /** The window of one service. */
    static final class Watch implements AutoCloseable {
        private final FlushTimer timer;
        private final StaleWindow window;
        private final SideFlush flush;
        private final long patienceNanos;
        private boolean closed;
        private boolean underWay;
        private long reach;
        private long begunNanos;

        private Watch(FlushTimer timer, StaleWindow window, SideFlush flush, long boundNanos) {
            this.timer = timer;
            this.window = window;
            this.flush = flush;
            patienceNanos = boundNanos / 2;
        }

        /** Service's thread: the first page since a flush began waits from now on. */
        void waits() {
            // Full fence: that it waits is visible before "wakes" is read. Partner: the fence in
            // FlushTimer.run.
            VarHandle.fullFence();
            long due = System.nanoTime() + patienceNanos;
            if ((long) WAKES.getAcquire(timer) - due > 0) {
                timer.wake();
            }
        }

        /** Timer's thread: does what is due; how long until something may be. */
        private synchronized long serve(long nowNanos) {
            if (closed) {
                return NEVER_NANOS;
            }
            if (!underWay) {
                if (window.stalePages() == 0) {
                    return NEVER_NANOS;
                }
                long left = window.oldestNanos() + patienceNanos - nowNanos;
                if (left > 0) {
                    return left;
                }
                begunNanos = nowNanos;
                reach = window.begin(nowNanos);
                flush.begin();
                underWay = true;
            }
            if (flush.poll()) {
                underWay = false;
                window.complete(reach, begunNanos, System.nanoTime());
                return 0;
            }
            return Math.min(LAST_POLL_NANOS, POLL_NANOS + (nowNanos - begunNanos >>> 2));
        }

        @Override
        public void close() {
            timer.remove(this);
            synchronized (this) {
                if (!closed) {
                    closed = true;
                    flush.close();
                }
            }
        }
    }
}
