package dev.outboard.dma;

import dev.outboard.uio.ProcessBarrier;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;

/**
 * Who has a mapping service at a moment: its own thread, which comes and goes millions of times a
 * second and pays two plain stores and a look for it; or, now and then, whoever takes memory away
 * from it, who pays for both.
 *
 * <pre>
 *   service's thread               the other
 *     inside = true                  wanted = true
 *     (the compiler's order)         full fence of every thread
 *     wanted? ──► steps aside        inside? ──► waits until it is not
 *     maps, unmaps                   has the books and the translations to itself
 *     inside = false                 wanted = false
 * </pre>
 *
 * <p>One of both sees the other's word, or both do; never neither. The service's thread takes no
 * lock but where somebody wants the service; neither allocates. A call within a call does not enter
 * again.
 */
abstract class ServiceGate {
    private static final VarHandle INSIDE;
    private static final VarHandle STATE;
    private static final int WANTED = 1;
    private static final int CLOSED = 2;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            INSIDE = lookup.findVarHandle(ServiceGate.class, "inside", boolean.class);
            STATE = lookup.findVarHandle(ServiceGate.class, "state", int.class);
        } catch (ReflectiveOperationException impossible) {
            throw new ExceptionInInitializerError(impossible);
        }
    }

    /** A call of the service may wait for a device, and a processor be busy elsewhere. */
    private static final long PATIENCE_NANOS = 60_000_000_000L;

    private static final long LOOK_NANOS = 20_000;

    /** Held by who has the service instead of its thread. */
    private final Object turn = new Object();

    private boolean inside;

    /** Bits of {@link #WANTED} and {@link #CLOSED}; 0, as it is but for moments, lets all in. */
    private int state;

    /** Service's thread: begins a call. */
    final void enter() {
        // Opaque, then acquire: the compiler keeps the order of opaque and stronger accesses; the
        // processor need not, for the partner, "alone", has a fence executed here, too. Acquire:
        // who finds the service not wanted any more finds what was done to it.
        INSIDE.setOpaque(this, true);
        if ((int) STATE.getAcquire(this) != 0) {
            stepAside();
        }
    }

    /**
     * The same for a call that a closed service refuses.
     *
     * @throws IllegalStateException if it is closed
     */
    final void enterOpen() {
        INSIDE.setOpaque(this, true);
        if ((int) STATE.getAcquire(this) != 0) {
            stepAsideOrRefuse();
        }
    }

    private void stepAsideOrRefuse() {
        stepAside();
        if (((int) STATE.getAcquire(this) & CLOSED) != 0) {
            leave();
            throw new IllegalStateException("the mapping service is closed");
        }
    }

    /** Calls that begin by {@link #enterOpen} are refused from now on. */
    final void refuseFromNowOn() {
        STATE.getAndBitwiseOrRelease(this, CLOSED);
    }

    /** Service's thread: ends a call. */
    final void leave() {
        // Release: who finds nobody inside finds all that the call did. Partner: "alone".
        INSIDE.setRelease(this, false);
    }

    private void stepAside() {
        while (((int) STATE.getAcquire(this) & WANTED) != 0) {
            leave();
            synchronized (turn) {
                // Whoever had it has it no more.
            }
            INSIDE.setOpaque(this, true);
        }
    }

    /**
     * Any thread but one that is inside: does something while the service's thread does nothing,
     * and keeps it waiting if it comes.
     *
     * @throws DeviceStuckException if the service's thread stays inside a call
     */
    final void alone(Runnable what) {
        synchronized (turn) {
            STATE.getAndBitwiseOr(this, WANTED);
            try {
                ProcessBarrier.run();
                awaitLeaving();
                what.run();
            } finally {
                // Release: partner is the acquire in "enter".
                STATE.getAndBitwiseAndRelease(this, ~WANTED);
            }
        }
    }

    private void awaitLeaving() {
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while ((boolean) INSIDE.getAcquire(this)) {
            if (System.nanoTime() - deadline >= 0) {
                throw new DeviceStuckException(
                        "a call of a mapping service has not ended within %d s: memory stays"
                                .formatted(PATIENCE_NANOS / 1_000_000_000));
            }
            LockSupport.parkNanos(LOOK_NANOS);
        }
    }
}
