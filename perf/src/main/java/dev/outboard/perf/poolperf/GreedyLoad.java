package dev.outboard.perf.poolperf;

import dev.outboard.dma.pool.PagePool;
import dev.outboard.dma.pool.PatientTaker;
import dev.outboard.dma.pool.PoolPage;
import dev.outboard.dma.pool.UrgentTaker;
import dev.outboard.perf.setup.Processors;
import java.util.concurrent.TimeUnit;

/**
 * A process in a tight loop: takes all it can get, gives all of it back when it has its fill, and
 * begins again. Its thread's own; figures are read when the thread has ended.
 */
final class GreedyLoad implements Runnable {
    private static final long WAIT_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private final PagePool pool;
    private final boolean isPatient;
    private final Deadline end;
    private final PoolPage[] held;
    private long taken;
    private long refusals;

    /**
     * @param isPatient takes as one that may sleep, and is slowed down; false to see what becomes
     *     of the other then
     * @param fillPages that it holds before it gives them back
     */
    GreedyLoad(PagePool pool, boolean isPatient, int fillPages, Deadline end) {
        this.pool = pool;
        this.isPatient = isPatient;
        this.end = end;
        held = new PoolPage[fillPages];
    }

    @Override
    public void run() {
        Processors.pinDevice();
        try (PatientTaker patient = pool.openPatient();
                UrgentTaker urgent = pool.openUrgent()) {
            int count = 0;
            while (!end.isPast()) {
                PoolPage page = isPatient ? patient.take(WAIT_NANOS) : urgent.tryTake();
                if (page == null) {
                    refusals++;
                    continue;
                }
                taken++;
                held[count++] = page;
                if (count == held.length) {
                    count = giveBack(patient, count);
                }
            }
            giveBack(patient, count);
        } catch (InterruptedException asked) {
            Thread.currentThread().interrupt();
        }
    }

    private int giveBack(PatientTaker taker, int count) {
        for (int index = 0; index < count; index++) {
            taker.giveBack(held[index]);
        }
        return 0;
    }

    long taken() {
        return taken;
    }

    /** Refusals, or waits that were in vain. */
    long refusals() {
        return refusals;
    }
}
