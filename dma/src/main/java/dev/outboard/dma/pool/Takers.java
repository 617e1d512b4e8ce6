package dev.outboard.dma.pool;

import java.util.Arrays;

/**
 * Who takes from a pool, and what those took that are gone. Changed under its own lock, by whoever
 * opens and closes takers; read by any thread, without.
 */
final class Takers {
    /** Never changed, only replaced; so is the other. */
    private volatile UrgentTaker[] urgent = {};

    private volatile PatientTaker[] patient = {};

    /** Counts of takers that are gone. */
    private volatile Gone gone = new Gone(0, 0, 0, 0);

    private record Gone(long taken, long refusals, long slowDowns, long waits) {}

    synchronized UrgentTaker add(UrgentTaker taker) {
        requireRoom();
        UrgentTaker[] more = Arrays.copyOf(urgent, urgent.length + 1);
        more[urgent.length] = taker;
        urgent = more;
        return taker;
    }

    synchronized PatientTaker add(PatientTaker taker) {
        requireRoom();
        PatientTaker[] more = Arrays.copyOf(patient, patient.length + 1);
        more[patient.length] = taker;
        patient = more;
        return taker;
    }

    private void requireRoom() {
        takeOverAbandoned();
        if (urgent.length + patient.length >= PagePool.MAX_TAKERS) {
            throw new IllegalStateException(
                    "the pool has takers=%d, the most there may be: close those not used"
                            .formatted(PagePool.MAX_TAKERS));
        }
    }

    synchronized void remove(UrgentTaker taker) {
        int before = urgent.length;
        urgent = Arrays.stream(urgent).filter(other -> other != taker).toArray(UrgentTaker[]::new);
        if (urgent.length < before) {
            gone =
                    new Gone(
                            gone.taken + taker.taken(),
                            gone.refusals + taker.refusals(),
                            gone.slowDowns,
                            gone.waits);
        }
    }

    synchronized void remove(PatientTaker taker) {
        int before = patient.length;
        patient =
                Arrays.stream(patient).filter(other -> other != taker).toArray(PatientTaker[]::new);
        if (patient.length < before) {
            gone =
                    new Gone(
                            gone.taken + taker.taken(),
                            gone.refusals,
                            gone.slowDowns + taker.slowDowns(),
                            gone.waits + taker.waits());
        }
    }

    /** A page that a taker which may sleep has put aside, or null. No lock. */
    PoolPage popCached() {
        for (PatientTaker taker : patient) {
            PoolPage page = taker.cache().pop();
            if (page != null) {
                return page;
            }
        }
        return null;
    }

    /** Asks for what is in magazines. */
    void recall() {
        for (UrgentTaker taker : urgent) {
            taker.recall();
        }
    }

    /** Gives back what threads had put aside that died without closing their takers. */
    synchronized void takeOverAbandoned() {
        for (UrgentTaker taker : urgent) {
            if (taker.isAbandoned()) {
                taker.takeOver();
                remove(taker);
            }
        }
    }

    /** Gives back what takers that may sleep have put aside. */
    void emptyCaches(PagePool pool) {
        PoolPage[] passing = new PoolPage[UrgentTaker.BATCH];
        for (PatientTaker taker : patient) {
            pool.empty(taker.cache(), passing);
        }
    }

    long taken() {
        long sum = gone.taken;
        for (UrgentTaker taker : urgent) {
            sum += taker.taken();
        }
        for (PatientTaker taker : patient) {
            sum += taker.taken();
        }
        return sum;
    }

    long refusals() {
        long sum = gone.refusals;
        for (UrgentTaker taker : urgent) {
            sum += taker.refusals();
        }
        return sum;
    }

    long slowDowns() {
        long sum = gone.slowDowns;
        for (PatientTaker taker : patient) {
            sum += taker.slowDowns();
        }
        return sum;
    }

    /** All counts, at one moment as far as takers coming and going matter. */
    synchronized PoolStatistics statistics(
            int level, PoolMarks marks, RefillThread refill, long wakeUps) {
        long waits = gone.waits;
        for (PatientTaker taker : patient) {
            waits += taker.waits();
        }
        return new PoolStatistics(
                level,
                marks,
                refill.pages(),
                urgent.length + patient.length,
                taken(),
                refusals(),
                slowDowns(),
                waits,
                refill.batches(),
                refill.allocated(),
                refill.wiped(),
                refill.givenUp(),
                refill.starvations(),
                wakeUps);
    }
}
