package dev.outboard.dma.pool;

import dev.outboard.uio.EventDescriptor;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * How the refill thread sleeps, and is woken by takers that may not wait for a lock: waking is a
 * write to an eventfd, and only when the thread sleeps so that this matters to it.
 *
 * <pre>
 *            nothing to do          nothing for long
 *   AWAKE ─────────────────► DOZING ─────────────────► ASLEEP
 *     │      looks again by itself soon                 until woken
 *     └────────────────────► STARVED
 *        memory has no pages: looks again by itself, woken by pages that come back
 * </pre>
 *
 * <p>Sleeping and waking: the thread writes how it sleeps, looks again, sleeps. A taker changes a
 * {@link PageStack}, then reads how the thread sleeps. Both are volatile, so one of them sees the
 * other. Whoever moves the state back to AWAKE signals, once, and the thread takes every signal
 * before it goes on: none is left when the descriptor is closed.
 */
final class RefillSignal implements AutoCloseable {
    static final int AWAKE = 0;
    static final int DOZING = 1;
    static final int STARVED = 2;
    static final int ASLEEP = 3;

    private static final VarHandle STATE;

    static {
        try {
            STATE = MethodHandles.lookup().findVarHandle(RefillSignal.class, "state", int.class);
        } catch (ReflectiveOperationException missing) {
            throw new ExceptionInInitializerError(missing);
        }
    }

    private final EventDescriptor event = EventDescriptor.create();
    private int state = AWAKE;

    /** How often the thread was woken by others; written by the thread. */
    private volatile long wakeUps;

    /** How the thread sleeps; a volatile read. */
    int state() {
        return (int) STATE.getVolatile(this);
    }

    /** Wakes the thread if it still sleeps like that. Any thread; a system call only if it does. */
    void wake(int seen) {
        if (seen != AWAKE && STATE.compareAndSet(this, seen, AWAKE)) {
            event.signal();
        }
    }

    /** Wakes the thread however it sleeps. */
    void wake() {
        int seen = state();
        while (seen != AWAKE) {
            wake(seen);
            seen = state();
        }
    }

    /** The thread's: from now on others wake it. It looks again, and then calls the next. */
    void announce(int how) {
        STATE.setVolatile(this, how);
    }

    /** The thread's: sleeps as announced. */
    void sleep(int how, long timeoutNanos) {
        event.await(how == ASLEEP ? -1 : timeoutNanos);
        stay(how);
    }

    /** The thread's: does not sleep as announced, or no longer. */
    void stay(int how) {
        if (!STATE.compareAndSet(this, how, AWAKE)) {
            // Somebody was faster and has signalled, or is about to.
            event.await(-1);
            event.drain();
            wakeUps++;
        }
    }

    long wakeUps() {
        return wakeUps;
    }

    /** Closed after the thread has ended. */
    @Override
    public void close() {
        event.close();
    }
}
