package dev.outboard.netty;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.TimeUnit;

/**
 * A host on the wire, and what is known of its MAC address. Any thread; what waits for the address
 * is bounded, and dropped when nobody answers.
 *
 * <pre>
 *   unknown ── ask ──► asked 1 to 3 times, a second apart ── answer ──► known ── 60 s ──► stale:
 *      ▲                          │ no answer                             ▲       asked in passing
 *      └───── 1 s ──── failed ◄───┘                                       └────── answer ──┘
 * </pre>
 */
final class Neighbour {
    private static final int MOST_WAITING = 16;
    private static final int ASKED_TIMES = 3;
    private static final long ASK_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long FRESH_NANOS = TimeUnit.SECONDS.toNanos(60);
    private static final long UNKNOWN = -1;

    private final Address address;

    /** The address, or {@link #UNKNOWN}; written under the lock, read by any loop. */
    private volatile long mac = UNKNOWN;

    private volatile long confirmedNanos;
    private long askedNanos;
    private int asked;
    private Queue<Waiting> waiting;

    /** A datagram that waits for the address. */
    interface Waiting {
        /** The address is known. Any thread. */
        void found();

        /** Nobody answers. Any thread. */
        void dropped();
    }

    Neighbour(Address address) {
        this.address = address;
    }

    Address address() {
        return address;
    }

    /** Its MAC address; -1 where that is not known. */
    long mac() {
        return mac;
    }

    /** Whether its address was told so long ago that it is time to ask again. */
    boolean isStale(long nowNanos) {
        return nowNanos - confirmedNanos >= FRESH_NANOS;
    }

    /** Whether it is to be asked now; counts as asked. */
    synchronized boolean isToBeAsked(long nowNanos) {
        boolean isFresh = mac != UNKNOWN && !isStale(nowNanos);
        if (isFresh || asked > 0 && nowNanos - askedNanos < ASK_NANOS) {
            return false;
        }
        if (mac == UNKNOWN && asked == ASKED_TIMES) {
            return false;
        }
        asked = Math.min(asked + 1, ASKED_TIMES);
        askedNanos = nowNanos;
        return true;
    }

    /** Whether it did not answer a moment ago. */
    synchronized boolean hasFailed(long nowNanos) {
        if (mac != UNKNOWN || asked < ASKED_TIMES || nowNanos - askedNanos < ASK_NANOS) {
            return false;
        }
        if (nowNanos - askedNanos >= 2 * ASK_NANOS) {
            // Long enough ago to try again.
            asked = 0;
            return false;
        }
        return true;
    }

    /** Keeps a datagram until the address is known; false where too many wait. */
    synchronized boolean await(Waiting datagram) {
        if (waiting == null) {
            waiting = new ArrayDeque<>(MOST_WAITING);
        }
        return waiting.size() < MOST_WAITING && waiting.offer(datagram);
    }

    synchronized boolean isWaitedFor() {
        return waiting != null && !waiting.isEmpty();
    }

    /** It told its address. */
    void found(long found, long nowNanos) {
        Queue<Waiting> ready;
        synchronized (this) {
            mac = found;
            confirmedNanos = nowNanos;
            asked = 0;
            ready = waiting;
            waiting = null;
        }
        if (ready != null) {
            ready.forEach(Waiting::found);
        }
    }

    /** Nobody answers, or the interface closes: what waits is dropped. */
    void drop() {
        Queue<Waiting> lost;
        synchronized (this) {
            lost = waiting;
            waiting = null;
        }
        if (lost != null) {
            lost.forEach(Waiting::dropped);
        }
    }
}
