package dev.outboard.dma;

/**
 * Translations that were asked for and have not come: a few slots, each with its time limit. One
 * thread; memory is taken at start.
 */
final class AwaitedMisses {
    /** How many at most; as many as there may be questions without an answer. */
    static final int CAPACITY = 64;

    /** What is returned where there is no slot. */
    static final int NONE = -1;

    private static final long NOT_ASKED = -1;

    private final long limitNanos;
    private final long[] iovas = new long[CAPACITY];
    private final int[] accesses = new int[CAPACITY];
    private final long[] beganNanos = new long[CAPACITY];
    private final long[] questions = new long[CAPACITY];
    private final State[] states = new State[CAPACITY];
    private int used;

    /** How it stands with one. */
    enum State {
        /** It may still come. */
        AWAITED,
        /** The front-end said that it gives none. */
        REFUSED,
        /** The front-end gave one, which does not allow the access. */
        DENIED,
        /** Nothing came within the limit. */
        LATE
    }

    /**
     * @param limitNanos how long a translation is awaited
     */
    AwaitedMisses(long limitNanos) {
        this.limitNanos = limitNanos;
    }

    /** The slot of an access, or {@link #NONE}. */
    int find(long iova, int access) {
        for (int slot = 0; slot < used; slot++) {
            if (iovas[slot] == iova && accesses[slot] == access) {
                return slot;
            }
        }
        return NONE;
    }

    /** Begins to wait; {@link #NONE} when all slots are taken by others that may still come. */
    int begin(long iova, int access, long nowNanos) {
        if (used == CAPACITY) {
            forgetLate(nowNanos);
        }
        if (used == CAPACITY) {
            return NONE;
        }
        iovas[used] = iova;
        accesses[used] = access;
        beganNanos[used] = nowNanos;
        questions[used] = NOT_ASKED;
        states[used] = State.AWAITED;
        return used++;
    }

    /** Nobody came back for them: a queue was stopped meanwhile. */
    private void forgetLate(long nowNanos) {
        for (int slot = used - 1; slot >= 0; slot--) {
            if (nowNanos - beganNanos[slot] >= limitNanos) {
                end(slot);
            }
        }
    }

    /** How many slots are taken, from 0 on. */
    int count() {
        return used;
    }

    long iova(int slot) {
        return iovas[slot];
    }

    int access(int slot) {
        return accesses[slot];
    }

    boolean isAsked(int slot) {
        return questions[slot] != NOT_ASKED;
    }

    /** The front-end was asked; its answer has this number. */
    void asked(int slot, long question) {
        questions[slot] = question;
    }

    /** The front-end will not give what it was asked for by this number. */
    void refuse(long question) {
        for (int slot = 0; slot < used; slot++) {
            if (questions[slot] == question && states[slot] == State.AWAITED) {
                states[slot] = State.REFUSED;
            }
        }
    }

    State state(int slot) {
        return states[slot];
    }

    /** Whether what became of it is old, and nobody has come for it: to be asked for anew. */
    boolean isStale(int slot, long nowNanos) {
        return nowNanos - beganNanos[slot] >= 2 * limitNanos;
    }

    /**
     * Ends the wait for those that did not come in time.
     *
     * @return whether there were any
     */
    boolean expire(long nowNanos) {
        boolean any = false;
        for (int slot = 0; slot < used; slot++) {
            if (states[slot] == State.AWAITED && nowNanos - beganNanos[slot] >= limitNanos) {
                states[slot] = State.LATE;
                any = true;
            }
        }
        return any;
    }

    /** In how long the first is late; -1 when none is awaited. */
    long leftNanos(long nowNanos) {
        long least = -1;
        for (int slot = 0; slot < used; slot++) {
            if (states[slot] == State.AWAITED) {
                long left = Math.max(0, limitNanos - (nowNanos - beganNanos[slot]));
                least = least < 0 ? left : Math.min(least, left);
            }
        }
        return least;
    }

    /** Waits no longer for one; the slots of others may change. */
    void end(int slot) {
        used--;
        iovas[slot] = iovas[used];
        accesses[slot] = accesses[used];
        beganNanos[slot] = beganNanos[used];
        questions[slot] = questions[used];
        states[slot] = states[used];
    }

    /** A translation came: who waits for as much has it; the next access of others tells. */
    void given(long firstIova, long lengthBytes, int access) {
        for (int slot = used - 1; slot >= 0; slot--) {
            if (Long.compareUnsigned(iovas[slot] - firstIova, lengthBytes) < 0) {
                if ((accesses[slot] & ~access) == 0) {
                    end(slot);
                } else {
                    states[slot] = State.DENIED;
                }
            }
        }
    }

    /** Waits for none any more; answers that are due mean nothing. */
    void clear() {
        used = 0;
    }
}
