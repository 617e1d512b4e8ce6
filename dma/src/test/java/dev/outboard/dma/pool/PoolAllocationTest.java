package dev.outboard.dma.pool;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;

/** Taking pages and giving them back allocates nothing; nor does looking at the level. */
final class PoolAllocationTest {
    private static final int ROUNDS = 4_000;
    private static final int BURST = 64;
    private static final int PLENTY = 320;
    private static final long LONG_NANOS = 30_000_000_000L;

    private final PoolPage[] burst = new PoolPage[BURST];
    private long seen;

    @Test
    void shouldAllocateNothing() throws InterruptedException {
        try (PoolRig rig = PoolRig.of(4096, new PoolMarks(256, 1024, 192, 512));
                UrgentTaker urgent = rig.pool.openUrgent();
                PatientTaker patient = rig.pool.openPatient()) {
            PoolLevels levels = new PoolLevels(rig.pool, 64);
            run(rig.pool, urgent, patient, levels);
            var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
            long before = threads.getCurrentThreadAllocatedBytes();
            int taken = run(rig.pool, urgent, patient, levels);
            long allocated = threads.getCurrentThreadAllocatedBytes() - before;
            assertThat(taken).isEqualTo(ROUNDS * 2 * BURST);
            assertThat(seen).isPositive();
            assertThat(patient.waits()).isZero();
            // Less than a byte in ten rounds: what the measurement itself may cost.
            assertThat(allocated).as("bytes allocated").isLessThan(ROUNDS / 10);
        }
    }

    private int run(PagePool pool, UrgentTaker urgent, PatientTaker patient, PoolLevels levels)
            throws InterruptedException {
        int taken = 0;
        for (int round = 0; round < ROUNDS; round++) {
            for (int page = 0; page < BURST; page++) {
                burst[page] = urgent.tryTake();
                taken += burst[page] == null ? 0 : 1;
            }
            for (int page = 0; page < BURST; page++) {
                if (burst[page] != null) {
                    urgent.giveBack(burst[page]);
                }
            }
            // Who may sleep allocates where it waits: let it not have to.
            while (pool.level() < PLENTY) {
                Thread.onSpinWait();
            }
            for (int page = 0; page < BURST; page++) {
                burst[page] = patient.take(LONG_NANOS);
                taken++;
            }
            for (int page = 0; page < BURST; page++) {
                patient.giveBack(burst[page]);
            }
            levels.sample();
            seen += urgent.taken();
        }
        return taken;
    }
}
