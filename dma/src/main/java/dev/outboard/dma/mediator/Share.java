package dev.outboard.dma.mediator;

/**
 * What one client has had of the mediator's time, and whether it must wait for its next turn. The
 * rules are those of {@link Turns}. The mediator's thread; no method allocates.
 */
final class Share {
    /** How long a client waits after the first turn in which a request of it was refused. */
    static final long FIRST_BACK_OFF_NANOS = 4_000;

    /** How often that is doubled: up to about a millisecond. */
    static final int MAX_DOUBLINGS = 8;

    /** A client that wanted nothing so many times is looked at less often. */
    private static final int QUIET_LOOKS = 4096;

    /** Cost of its turns, ever; raised when it comes back after it was away. */
    private long had;

    /** A number that grows from turn to turn, of all clients: who had none for longest is first. */
    private long lastTurn;

    private long waitsUntilNanos;
    private boolean waits;
    private int doublings;
    private long backOffs;
    private int idleLooks;
    private boolean served;
    private boolean present;
    private long presentAtNanos;

    long had() {
        return had;
    }

    /** It has not fallen behind further than that. */
    void comeBack(long least) {
        idleLooks = 0;
        if (had < least) {
            had = least;
        }
    }

    /** Whether its turn comes before another's. */
    boolean isBefore(Share other) {
        return had < other.had || had == other.had && lastTurn < other.lastTurn;
    }

    void charge(int cost, long turn) {
        had += cost;
        lastTurn = turn;
        served = true;
    }

    void noteIdle() {
        if (idleLooks < QUIET_LOOKS) {
            idleLooks++;
        }
    }

    /** Whether it has wanted nothing for a while. */
    boolean isQuiet() {
        return idleLooks == QUIET_LOOKS;
    }

    /** A request was refused. */
    void backOff(long now) {
        backOffs++;
        waitFor(now, FIRST_BACK_OFF_NANOS << doublings);
        doublings = Math.min(doublings + 1, MAX_DOUBLINGS);
    }

    /** A turn in which nothing was refused. */
    void forgive() {
        if (doublings > 0) {
            doublings--;
        }
    }

    void waitFor(long now, long nanos) {
        waits = true;
        waitsUntilNanos = now + nanos;
    }

    /** Whether it may not have a turn yet. */
    boolean isWaiting(long now) {
        if (waits && now - waitsUntilNanos >= 0) {
            waits = false;
        }
        return waits;
    }

    /** For how long. */
    long waitNanos(long now) {
        return isWaiting(now) ? waitsUntilNanos - now : 0;
    }

    /** How often it had to wait because requests were refused. */
    long backOffs() {
        return backOffs;
    }

    /** Whether it had a turn since this was last asked. */
    boolean noteServed(long now) {
        boolean was = served;
        served = false;
        if (was) {
            present = true;
            presentAtNanos = now;
        } else if (present && now - presentAtNanos > Turns.PRESENT_NANOS) {
            present = false;
        }
        return was;
    }

    /** Whether it had a turn lately. */
    boolean isPresent(long now) {
        return present && now - presentAtNanos <= Turns.PRESENT_NANOS;
    }
}
