package dev.outboard.dma.mediator;

import dev.outboard.dma.SideFlush;
import dev.outboard.uio.EventDescriptor;
import java.lang.invoke.VarHandle;

/**
 * The flush of a timer's thread, by a request ring of its own: rings have one writer. Rings are
 * obeyed one by one, so that a flush is asked for here only when the mediator has taken the clears
 * that the service put into its ring before.
 *
 * <pre>
 *   service's ring   clear clear clear │ clear         put here when begun: "reach"
 *                                      ▼ taken
 *   this ring                          forget-all settle ──► answer: what was before is over
 * </pre>
 *
 * <p>One thread, the timer's, but for the end of either ring, which may come from another. Never
 * waits; allocates nothing. If the mediator has gone no flush is ever over: whoever uses the
 * service is told.
 */
final class MediatorSideFlush implements SideFlush {
    private final RequestRing cleared;
    private final EventDescriptor clearedDoorbell;
    private final RequestRing ring;
    private final EventDescriptor doorbell;
    private final Runnable onClose;
    private long reach;
    private long put;
    private boolean asked;
    private boolean ended;
    private volatile long flushes;

    /** Of a service, by another one of the same domain, which is closed with this. */
    static MediatorSideFlush of(RemoteService cleared, RemoteService own) {
        MediatorSideFlush flush =
                new MediatorSideFlush(
                        cleared.ring(), cleared.doorbell(), own.ring(), own.doorbell(), own::close);
        cleared.beforeClose(flush::end);
        own.beforeClose(flush::end);
        return flush;
    }

    MediatorSideFlush(
            RequestRing cleared,
            EventDescriptor clearedDoorbell,
            RequestRing ring,
            EventDescriptor doorbell,
            Runnable onClose) {
        this.cleared = cleared;
        this.clearedDoorbell = clearedDoorbell;
        this.ring = ring;
        this.doorbell = doorbell;
        this.onClose = onClose;
    }

    /** One of the rings is about to go. */
    private synchronized void end() {
        ended = true;
    }

    private void requireRings() {
        if (ended) {
            throw new IllegalStateException("the rings of this flush are closed");
        }
    }

    @Override
    public synchronized void begin() {
        requireRings();
        // One thread writes: the increment need not be atomic.
        flushes = flushes + 1;
        asked = false;
        reach = cleared.putAcquire();
        wake(cleared, clearedDoorbell);
    }

    /**
     * Wakes the mediator if it sleeps: what is in the ring may have been put there without a word.
     */
    private static void wake(RequestRing ring, EventDescriptor doorbell) {
        // Full fence: "put" is visible before "asleep" is read. Partner: the fence in
        // Mediator.sleep, between its "asleep" and its last look.
        VarHandle.fullFence();
        if (ring.isMediatorAsleep()) {
            doorbell.signal();
        }
    }

    @Override
    public synchronized boolean poll() {
        requireRings();
        if (!asked) {
            if (cleared.takenAcquire() < reach) {
                return false;
            }
            ask();
        }
        long answer = ring.answerAcquire();
        if (answer >>> RequestRingDescriptor.STATUS_BITS != put) {
            return false;
        }
        if (Status.of(answer) == Status.DONE) {
            return true;
        }
        // A device is stuck, which its driver is told when it unmaps: here it is tried again.
        ask();
        return false;
    }

    private void ask() {
        asked = true;
        ring.write(put++, Request.first(Request.FORGET_ALL, 0, 0), 0);
        ring.write(put++, Request.first(Request.SETTLE, 0, 0), 0);
        ring.setPutRelease(put);
        wake(ring, doorbell);
    }

    /** Flushes begun; any thread. */
    long flushes() {
        return flushes;
    }

    @Override
    public void close() {
        onClose.run();
    }
}
