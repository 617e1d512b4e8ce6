package dev.outboard.uio;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;

/**
 * An interrupt line that this process has claimed.
 *
 * <pre>
 *   open ──► masked ──await──► spin ──► unmask, look again ──► sleep ──► mask, count ──► back
 *              ▲                 │ work            │ work                    │
 *              └─────────────────┴─────────────────┴─────────────────────────┘
 * </pre>
 *
 * <p>The rule is that of the user-level drivers of 2004: to open is to claim, and nobody else may;
 * to wait is to unmask; the interrupt masks the line until the next wait; to close, or to die,
 * masks it and frees it. Signals that come while masked are kept by the eventfd, and none is lost.
 *
 * <p>One thread waits. {@link #wake()}, {@link #count()} and {@link #close()} may come from any.
 * The event's upper half carries wakes, its lower half the line's signals, so that one descriptor
 * can be watched for both. {@link #await}, {@link #arm} and {@link #acknowledge} allocate nothing.
 */
public final class Interrupt implements AutoCloseable {
    private static final long WAKE = 1L << 32;
    private static final long SIGNALS = WAKE - 1;
    private static final int LOOKS_PER_CLOCK = 16;
    private static final Set<InterruptLine> CLAIMED =
            Collections.newSetFromMap(new IdentityHashMap<>());

    private static final int OPEN = 0;
    private static final int WAITING = 1;
    private static final int CLOSING = 2;
    private static final int CLOSED = 3;
    private static final VarHandle STATE;
    private static final VarHandle COUNT;
    private static final VarHandle WOKEN;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            STATE = lookup.findVarHandle(Interrupt.class, "state", int.class);
            COUNT = lookup.findVarHandle(Interrupt.class, "count", long.class);
            WOKEN = lookup.findVarHandle(Interrupt.class, "woken", boolean.class);
        } catch (ReflectiveOperationException impossible) {
            throw new ExceptionInInitializerError(impossible);
        }
    }

    private final String name;
    private final InterruptLine line;
    private final EventDescriptor event;
    private final WaitPolicy policy;

    /** Who may touch the event: nobody frees it under a waiter. */
    private int state = OPEN;

    /** Written by the waiter alone. */
    private long count;

    /** A hint that ends a spin; the event itself carries the wake. */
    private boolean woken;

    private Interrupt(String name, InterruptLine line, EventDescriptor event, WaitPolicy policy) {
        this.name = name;
        this.line = line;
        this.event = event;
        this.policy = line.tellsOfWork() ? policy : WaitPolicy.BLOCK;
    }

    /**
     * Claims a line, masked. Takes ownership of the event, also when this fails.
     *
     * @param name for people: device and vector
     * @throws IllegalStateException when the line is claimed already
     */
    public static Interrupt open(
            String name, InterruptLine line, EventDescriptor event, WaitPolicy policy) {
        synchronized (CLAIMED) {
            if (!CLAIMED.add(line)) {
                event.close();
                throw new IllegalStateException(
                        "the interrupt " + name + " is claimed already: close its other owner");
            }
        }
        Interrupt claimed = new Interrupt(name, line, event, policy);
        try {
            line.mask();
        } catch (RuntimeException failed) {
            claimed.abandon();
            throw failed;
        }
        return claimed;
    }

    /** For people: device and vector. */
    public String name() {
        return name;
    }

    /** Whether {@link #close} was called. Any thread. */
    public boolean isClosed() {
        return (int) STATE.getAcquire(this) >= CLOSING;
    }

    /**
     * Unmasks the line, waits for it, and masks it again.
     *
     * @param timeoutNanos less than 0 to wait for ever, 0 only to look
     * @return true if the line signalled or has work; false when the time was over, {@link #wake()}
     *     ended the wait, or the interrupt was closed meanwhile
     * @throws IllegalStateException when it is closed, or another thread waits
     */
    public boolean await(long timeoutNanos) {
        if (!STATE.compareAndSet(this, OPEN, WAITING)) {
            throw new IllegalStateException(
                    "the interrupt "
                            + name
                            + ((int) STATE.getAcquire(this) == WAITING
                                    ? " is waited for by another thread"
                                    : " is closed"));
        }
        try {
            return look(timeoutNanos) || sleep(timeoutNanos);
        } finally {
            if (!STATE.compareAndSet(this, WAITING, OPEN)) {
                // close() came meanwhile, and left the rest to us.
                release();
            }
        }
    }

    /** Spins as the policy says, or as the timeout allows. */
    private boolean look(long timeoutNanos) {
        if (line.isPending()) {
            return true;
        }
        long spinNanos =
                timeoutNanos < 0 ? policy.spinNanos() : Math.min(policy.spinNanos(), timeoutNanos);
        if (spinNanos == 0) {
            return false;
        }
        long start = System.nanoTime();
        do {
            for (int i = 0; i < LOOKS_PER_CLOCK; i++) {
                if (line.isPending()) {
                    return true;
                }
                if (policy.pause()) {
                    Thread.onSpinWait();
                }
            }
            if ((boolean) WOKEN.getOpaque(this) || (int) STATE.getOpaque(this) != WAITING) {
                return false;
            }
        } while (System.nanoTime() - start < spinNanos);
        return false;
    }

    /** Asks for the signal, looks again, sleeps. */
    private boolean sleep(long timeoutNanos) {
        boolean work = line.unmask();
        if (!work) {
            long left = timeoutNanos < 0 ? -1 : Math.max(0, timeoutNanos - spent(timeoutNanos));
            event.await(left);
        }
        line.mask();
        return take() || work;
    }

    private long spent(long timeoutNanos) {
        return Math.min(policy.spinNanos(), timeoutNanos);
    }

    /** Takes what the event has; whether a signal of the line was among it. */
    private boolean take() {
        long value = event.drain();
        if (value >= WAKE) {
            WOKEN.setOpaque(this, false);
        }
        long signals = value & SIGNALS;
        if (signals == 0) {
            return false;
        }
        COUNT.setRelease(this, count + signals);
        return true;
    }

    /** How often the line has signalled since it was opened, as far as waits have taken it. */
    public long count() {
        return (long) COUNT.getAcquire(this);
    }

    /**
     * Unmasks the line, to wait for {@link #descriptor()} together with others; {@link
     * #acknowledge()} must follow. Who waits so also closes, in the same thread.
     *
     * @return true when work is there already: then do not wait
     */
    public boolean arm() {
        return line.unmask();
    }

    /**
     * Masks the line after {@link #arm()}, and takes its signals.
     *
     * @return whether the line had signalled; false when only {@link #wake()} did
     */
    public boolean acknowledge() {
        line.mask();
        return take();
    }

    /** Readable when the line has signalled, or {@link #wake()} was called. */
    public Descriptor descriptor() {
        return event.descriptor();
    }

    /** Ends the wait that is, or the next one, early. Any thread. */
    public void wake() {
        // The event's owner stays until we are through, or has gone before: not in between.
        synchronized (this) {
            if ((int) STATE.getAcquire(this) < CLOSING) {
                WOKEN.setOpaque(this, true);
                event.add(WAKE);
            }
        }
    }

    /**
     * Masks the line and frees it; again does nothing. A wait that is under way ends, and its
     * thread does the rest.
     */
    @Override
    public void close() {
        synchronized (this) {
            int before;
            do {
                before = (int) STATE.getAcquire(this);
                if (before >= CLOSING) {
                    return;
                }
            } while (!STATE.compareAndSet(this, before, CLOSING));
            if (before == WAITING) {
                event.add(WAKE);
                return;
            }
        }
        release();
    }

    private void release() {
        synchronized (this) {
            try {
                line.mask();
            } finally {
                abandon();
            }
        }
    }

    private void abandon() {
        STATE.setRelease(this, CLOSED);
        event.close();
        synchronized (CLAIMED) {
            CLAIMED.remove(line);
        }
    }
}
