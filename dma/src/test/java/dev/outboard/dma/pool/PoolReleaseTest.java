package dev.outboard.dma.pool;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.uio.failure.FailurePoint;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A pool whose memory goes away, or has nothing for a while. */
@Timeout(60)
final class PoolReleaseTest {
    /** Its refill thread gets nothing new while a test looks at what it gives up. */
    private static final PoolMarks NEVER_LOW = new PoolMarks(2, 64, 1, 32);

    private static final long LONG_NANOS = 30_000_000_000L;

    @Test
    void shouldLetGoOfFreePagesOfARangeAndOfTakenOnesLater() throws InterruptedException {
        try (PoolRig rig = PoolRig.of(32, NEVER_LOW);
                UrgentTaker urgent = rig.pool.openUrgent();
                PatientTaker patient = rig.pool.openPatient()) {
            long start = rig.memory.segments().getFirst().physicalAddress();
            long half = rig.memory.lengthBytes() / 2;
            List<PoolPage> taken = PoolRig.takeUrgently(urgent, 3);
            patient.giveBack(patient.take(LONG_NANOS));
            assertThat(rig.pool.statistics().pages()).isEqualTo(32);
            rig.pool.release(start, half);
            // The next step gives the magazine back, whose pages were asked for.
            taken.forEach(urgent::giveBack);
            urgent.close();
            PoolRig.await(() -> rig.pool.release(start, half) == 0);
            assertThat(rig.pool.statistics().pages()).isEqualTo(16);
            assertThat(rig.usedPages()).isEqualTo(16);
            List<PoolPage> rest = takeAll(rig.pool);
            assertThat(rest).hasSizeGreaterThanOrEqualTo(16);
            rest.subList(16, rest.size()).clear();
            assertThat(rest).allMatch(page -> page.physicalAddress() >= start + half);
        }
    }

    private static List<PoolPage> takeAll(PagePool pool) {
        try (UrgentTaker taker = pool.openUrgent()) {
            return PoolRig.takeUrgently(taker, 1000);
        }
    }

    @Test
    void shouldSayHowManyPagesOfTheRangeAreTaken() {
        try (PoolRig rig = PoolRig.of(32, NEVER_LOW);
                UrgentTaker urgent = rig.pool.openUrgent()) {
            List<PoolPage> taken = PoolRig.takeUrgently(urgent, 16);
            long length = rig.memory.lengthBytes() / 2;
            long start = taken.getFirst().physicalAddress() - 8 * 4096;
            List<PoolPage> within =
                    taken.stream().filter(page -> page.isWithin(start, length)).toList();
            assertThat(rig.pool.release(start, length)).isEqualTo(within.size()).isPositive();
            taken.forEach(urgent::giveBack);
            urgent.close();
            PoolRig.await(() -> rig.pool.release(start, length) == 0);
        }
    }

    @Test
    void shouldRefuseNobodyUrgentWhileItLooksForTheRange() throws InterruptedException {
        try (PoolRig rig = PoolRig.of(4096, new PoolMarks(512, 2048, 384, 2048));
                UrgentTaker urgent = rig.pool.openUrgent()) {
            Thread sweeping =
                    Thread.ofPlatform()
                            .start(
                                    () -> {
                                        for (int sweep = 0; sweep < 200; sweep++) {
                                            rig.pool.release(0x1000, 4096);
                                        }
                                    });
            List<PoolPage> burst = new ArrayList<>();
            while (sweeping.isAlive()) {
                for (int page = 0; page < 64; page++) {
                    burst.add(urgent.tryTake());
                }
                assertThat(burst).doesNotContainNull();
                burst.forEach(urgent::giveBack);
                burst.clear();
            }
            sweeping.join();
            assertThat(urgent.refusals()).isZero();
        }
    }

    @Test
    void shouldHaveTheRangeAgainWhenTheMemoryHandsItOutAgain() {
        try (PoolRig rig = PoolRig.of(256);
                UrgentTaker urgent = rig.pool.openUrgent()) {
            long start = rig.memory.segments().getFirst().physicalAddress();
            rig.pool.release(start, rig.memory.lengthBytes());
            PoolRig.await(() -> rig.pool.level() >= 16);
            List<PoolPage> taken = PoolRig.takeUrgently(urgent, 16);
            assertThat(taken).hasSize(16);
            long givenUp = rig.pool.statistics().givenUp();
            taken.forEach(urgent::giveBack);
            urgent.close();
            PoolRig.await(() -> rig.pool.returned().isEmpty());
            assertThat(rig.pool.statistics().givenUp()).isEqualTo(givenUp);
        }
    }

    @Test
    void shouldGoOnWhenTheMemoryHasPagesAgain() {
        try (PoolRig rig = PoolRig.of(64);
                UrgentTaker urgent = rig.pool.openUrgent()) {
            DmaMemory others = rig.memory.allocate(32 * 4096);
            assertThat(PoolRig.takeUrgently(urgent, 33)).hasSize(32);
            PoolRig.await(() -> rig.pool.statistics().starvations() > 3);
            others.close();
            PoolRig.await(() -> rig.pool.level() >= 16);
            assertThat(urgent.tryTake()).isNotNull();
        }
    }

    @Test
    void shouldSurviveEveryPageThatCannotBeHad() {
        for (int point = 1; point <= 40; point++) {
            FailurePoint.arm("pages", point);
            try (PoolRig rig = PoolRig.of(256);
                    UrgentTaker urgent = rig.pool.openUrgent()) {
                PoolRig.takeUrgently(urgent, 32);
                PoolRig.await(() -> rig.pool.level() >= 16);
                urgent.close();
                rig.pool.close();
            } finally {
                FailurePoint.disarm();
            }
        }
    }

    @Test
    void shouldSurviveAMemoryThatEndsBeforeIt() {
        PhysicalMemory memory = PhysicalMemory.create(64 * 4096);
        try (PagePool pool = PagePool.open(memory, "test0", new PoolMarks(16, 64, 8, 32));
                UrgentTaker urgent = pool.openUrgent()) {
            List<PoolPage> taken = PoolRig.takeUrgently(urgent, 20);
            memory.close();
            taken.forEach(urgent::giveBack);
            urgent.close();
            PoolRig.await(() -> pool.statistics().givenUp() > 0);
            assertThat(pool.statistics().refusals()).isZero();
        }
    }
}
