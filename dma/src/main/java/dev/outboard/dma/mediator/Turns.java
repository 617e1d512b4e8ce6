package dev.outboard.dma.mediator;

import java.util.function.LongSupplier;

/**
 * Whose turn it is: the mediator's time, shared among clients that may ask without end.
 *
 * <p>A turn is a bounded piece of work. The next one goes to whoever wants one and has had the
 * least, as in start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996), with three additions:
 *
 * <ul>
 *   <li>A client that was away comes back as one that has had somewhat less than the others, {@link
 *       #MAX_LEAD}, and not as one that has had nothing. So whoever wants less than its share is
 *       served at once, and nobody saves up.
 *   <li>A client whose requests are refused waits after its turn, twice as long every time, and
 *       half as long after a turn without a refusal.
 *   <li>A request that cannot be interrupted and is much longer than a turn is paid for by waiting,
 *       while there are others: for so long that such requests take a sixteenth of the time.
 * </ul>
 *
 * <p><b>What that is worth.</b> Among n clients that want turns, each gets an n-th of the time, and
 * one that wants less than that waits for one turn of somebody else, whoever that is and however
 * many there are. A client that itself wants all of the mediator gets an n-th, too: two that ask
 * rightly and without end are the same to us. Refused requests earn next to nothing: a turn in a
 * millisecond.
 *
 * <p>Cost is counted, not timed, in units of about five nanoseconds, of which a page of a long run
 * takes one. The mediator's thread; no method allocates.
 */
final class Turns {
    /** A turn's cost, while there are others. */
    static final int TURN_COST = 32;

    /** A turn's cost, for who is alone. */
    static final int LONE_TURN_COST = 512;

    /** How much less than the others a client may seem to have had when it comes back. */
    static final int MAX_LEAD = 512;

    /** Of a turn beyond its limit: more than this is waited for. */
    static final int MAX_OVERRUN = 128;

    /** How long a client is one of those that want turns after the last that it had. */
    static final long PRESENT_NANOS = 10_000_000;

    private static final long NANOS_PER_COST = 5;
    private static final long WAIT_PER_OVERRUN = 15;

    private final LongSupplier clock;

    /** What the client had had whose turn was the last: where who comes back begins. */
    private long reached;

    private long turns;
    private long nowNanos;
    private boolean contended;

    /** Of those that have been quiet for a while, one is looked at in a round: this. */
    private int quietTurn;

    Turns(LongSupplier clock) {
        this.clock = clock;
        nowNanos = clock.getAsLong();
    }

    /** Looks who is there. Returns how many had a turn since the last look. */
    int tick(long now, ClientSession[] sessions) {
        nowNanos = now;
        int served = 0;
        int present = 0;
        for (ClientSession session : sessions) {
            Share share = session.share();
            served += share.noteServed(now) ? 1 : 0;
            present += share.isPresent(now) ? 1 : 0;
        }
        contended = present > 1;
        return served;
    }

    /** The time has passed: those that wait may be due. */
    void setNow(long now) {
        nowNanos = now;
    }

    /** Who is next, or null if nobody wants a turn that may have one. */
    ClientSession next(ClientSession[] sessions) {
        quietTurn = quietTurn + 1 < sessions.length ? quietTurn + 1 : 0;
        ClientSession best = null;
        for (int index = 0; index < sessions.length; index++) {
            ClientSession session = sessions[index];
            Share share = session.share();
            if (share.isQuiet() && index != quietTurn || share.isWaiting(nowNanos)) {
                continue;
            }
            if (!session.wantsTurn()) {
                share.noteIdle();
                continue;
            }
            share.comeBack(reached - MAX_LEAD);
            if (best == null || share.isBefore(best.share())) {
                best = session;
            }
        }
        return best;
    }

    /**
     * Gives a client its turn.
     *
     * @return whether anything was done
     * @throws IllegalArgumentException if it must be ended
     */
    boolean serve(ClientSession session) {
        Share share = session.share();
        int limit = contended ? TURN_COST : LONE_TURN_COST;
        long refused = session.refusedRequests();
        reached = Math.max(reached, share.had());
        int cost = session.serve(limit);
        share.charge(Math.abs(cost), ++turns);
        if (session.refusedRequests() != refused) {
            nowNanos = clock.getAsLong();
            share.backOff(nowNanos);
        } else if (cost > 0) {
            share.forgive();
            if (contended && cost > limit + MAX_OVERRUN) {
                nowNanos = clock.getAsLong();
                share.waitFor(nowNanos, (cost - limit) * NANOS_PER_COST * WAIT_PER_OVERRUN);
            }
        }
        return cost > 0;
    }
}
