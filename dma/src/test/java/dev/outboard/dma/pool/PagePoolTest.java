package dev.outboard.dma.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.PhysicalMemory;
import dev.outboard.uio.Descriptor;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
final class PagePoolTest {
    private static final long LONG_NANOS = 30_000_000_000L;
    private static final long SHORT_NANOS = 2_000_000;

    @Test
    void shouldBeginWithWhatAPoolBeginsWith() {
        try (PhysicalMemory memory = PhysicalMemory.create(4096 * 4096);
                PagePool pool = PagePool.open(memory, "test0")) {
            assertThat(pool.level()).isEqualTo(128);
            assertThat(pool.statistics().pages()).isEqualTo(128);
            assertThat(memory.lengthBytes() - memory.freeBytes()).isEqualTo(128 * 4096);
        }
    }

    @Test
    void shouldBeginWithLessWhereThereIsLess() {
        try (PoolRig rig = PoolRig.of(20)) {
            assertThat(rig.pool.level()).isEqualTo(20);
            assertThat(rig.pool.statistics().starvations()).isPositive();
        }
    }

    @Test
    void shouldGiveEachTakerPagesOfItsOwnAllZero() {
        try (PoolRig rig = PoolRig.of(256);
                UrgentTaker taker = rig.pool.openUrgent()) {
            Set<Long> addresses = new HashSet<>();
            for (int index = 0; index < 24; index++) {
                PoolPage page = taker.tryTake();
                assertThat(page.isZeroed()).isTrue();
                assertThat(page.memory().mismatch(zeroes())).isEqualTo(-1);
                assertThat(page.memory().byteSize()).isEqualTo(4096);
                assertThat(page.physicalAddress() % 4096).isZero();
                assertThat(rig.memory.contains(page.physicalAddress(), 4096)).isTrue();
                assertThat(page.buffer().physicalAddress()).isEqualTo(page.physicalAddress());
                page.memory().fill((byte) 0x55);
                addresses.add(page.physicalAddress());
            }
            assertThat(addresses).hasSize(24);
            assertThat(taker.taken()).isEqualTo(24);
        }
    }

    private static java.lang.foreign.MemorySegment zeroes() {
        return java.lang.foreign.MemorySegment.ofArray(new byte[4096]);
    }

    @Test
    void shouldRefuseAtOnceWhoMayNotBlockWhenNothingIsLeft() {
        try (PoolRig rig = PoolRig.starved();
                UrgentTaker taker = rig.pool.openUrgent()) {
            List<PoolPage> all = PoolRig.takeUrgently(taker, 40);
            assertThat(all).hasSize(32);
            assertThat(taker.refusals()).isEqualTo(8);
            assertThat(rig.pool.refusals()).isEqualTo(8);
            taker.giveBack(all.getFirst());
            assertThat(taker.tryTake()).isSameAs(all.getFirst());
            assertThat(taker.tryTake()).isNull();
        }
    }

    @Test
    void shouldRefillUnderTheLowMarkInBatches() {
        try (PoolRig rig = PoolRig.of(256);
                UrgentTaker taker = rig.pool.openUrgent()) {
            List<PoolPage> taken = PoolRig.takeUrgently(taker, 32);
            assertThat(taken).hasSize(32);
            PoolRig.await(() -> rig.pool.level() >= 16);
            PoolStatistics statistics = rig.pool.statistics();
            assertThat(statistics.allocated()).isEqualTo(statistics.pages());
            assertThat(rig.pool.level()).isLessThan(32);
        }
    }

    @Test
    void shouldLeaveTheLevelAloneAboveTheLowMark() throws InterruptedException {
        try (PoolRig rig = PoolRig.of(256);
                UrgentTaker taker = rig.pool.openUrgent()) {
            PoolRig.takeUrgently(taker, 16);
            Thread.sleep(50);
            assertThat(rig.pool.level()).isEqualTo(16);
            assertThat(rig.pool.statistics().pages()).isEqualTo(32);
        }
    }

    @Test
    void shouldKeepTheReserveFromWhoMaySleep() throws InterruptedException {
        try (PoolRig rig = PoolRig.starved();
                PatientTaker patient = rig.pool.openPatient();
                UrgentTaker urgent = rig.pool.openUrgent()) {
            int taken = 0;
            while (patient.take(SHORT_NANOS) != null) {
                taken++;
            }
            assertThat(taken).as("all but the reserve").isEqualTo(24);
            assertThat(rig.pool.level()).isEqualTo(8);
            assertThat(patient.waits()).isPositive();
            assertThat(PoolRig.takeUrgently(urgent, 8)).as("the reserve").hasSize(8);
        }
    }

    @Test
    void shouldSlowDownWhoMaySleepUnderTheLowMarkOnly() throws InterruptedException {
        try (PoolRig rig = PoolRig.starved();
                PatientTaker patient = rig.pool.openPatient()) {
            for (int page = 0; page < 16; page++) {
                assertThat(patient.take(LONG_NANOS)).isNotNull();
            }
            assertThat(patient.slowDowns()).isZero();
            assertThat(patient.take(LONG_NANOS)).as("it gets its page").isNotNull();
            assertThat(patient.slowDowns()).isEqualTo(1);
            assertThat(rig.pool.slowDowns()).isEqualTo(1);
        }
    }

    @Test
    void shouldWakeWhoWaitsWhenPagesComeBack() throws InterruptedException {
        try (PoolRig rig = PoolRig.starved();
                UrgentTaker urgent = rig.pool.openUrgent()) {
            List<PoolPage> all = PoolRig.takeUrgently(urgent, 32);
            AtomicReference<PoolPage> got = new AtomicReference<>();
            Thread waiting = Thread.ofPlatform().start(() -> got.set(takeOnce(rig.pool)));
            PoolRig.await(() -> rig.pool.statistics().waits() > 0);
            assertThat(got.get()).isNull();
            all.forEach(urgent::giveBack);
            urgent.close();
            waiting.join();
            assertThat(got.get()).isNotNull();
        }
    }

    private static PoolPage takeOnce(PagePool pool) {
        try (PatientTaker taker = pool.openPatient()) {
            return taker.take(LONG_NANOS);
        } catch (InterruptedException interrupted) {
            throw new AssertionError(interrupted);
        }
    }

    @Test
    void shouldLoseNothingWhenWhoWaitsIsInterrupted() throws InterruptedException {
        try (PoolRig rig = PoolRig.starved();
                UrgentTaker urgent = rig.pool.openUrgent()) {
            List<PoolPage> all = PoolRig.takeUrgently(urgent, 32);
            AtomicReference<Throwable> thrown = new AtomicReference<>();
            Thread waiting =
                    Thread.ofPlatform()
                            .start(
                                    () -> {
                                        try (PatientTaker taker = rig.pool.openPatient()) {
                                            taker.take(LONG_NANOS);
                                        } catch (InterruptedException asked) {
                                            thrown.set(asked);
                                        }
                                    });
            PoolRig.await(() -> rig.pool.statistics().waits() > 0);
            waiting.interrupt();
            waiting.join();
            assertThat(thrown.get()).isInstanceOf(InterruptedException.class);
            all.forEach(urgent::giveBack);
            assertThat(PoolRig.takeUrgently(urgent, 40)).hasSize(32);
        }
    }

    @Test
    void shouldTakeOverWhatADeadThreadHadPutAside() throws InterruptedException {
        try (PoolRig rig = PoolRig.starved();
                UrgentTaker urgent = rig.pool.openUrgent()) {
            UrgentTaker forgotten = rig.pool.openUrgent();
            Thread dying = Thread.ofPlatform().start(() -> giveAllBack(forgotten));
            dying.join();
            List<PoolPage> got = new ArrayList<>();
            // Its magazine is looked for when the memory has nothing more.
            PoolRig.await(
                    () -> {
                        got.addAll(PoolRig.takeUrgently(urgent, 1));
                        return got.size() == 32;
                    });
            assertThat(rig.pool.statistics().takers()).isEqualTo(1);
            assertThat(rig.pool.taken()).as("counts outlive takers").isEqualTo(32 + 20);
        }
    }

    private static void giveAllBack(UrgentTaker taker) {
        PoolRig.takeUrgently(taker, 20).forEach(taker::giveBack);
    }

    @Test
    void shouldTakeFromTheCachesOfOthersBeforeItRefuses() throws InterruptedException {
        try (PoolRig rig = PoolRig.starved();
                PatientTaker patient = rig.pool.openPatient();
                UrgentTaker urgent = rig.pool.openUrgent()) {
            PoolPage mine = patient.take(LONG_NANOS);
            mine.memory().fill((byte) 0x55);
            assertThat(rig.pool.level()).as("16 at once").isEqualTo(16);
            patient.giveBack(mine);
            List<PoolPage> taken = PoolRig.takeUrgently(urgent, 32);
            assertThat(taken).hasSize(32).contains(mine);
            assertThat(mine.memory().mismatch(zeroes())).as("wiped for others").isEqualTo(-1);
        }
    }

    @Test
    void shouldWipeWhatPassesFromOneTakerToAnother() throws InterruptedException {
        try (PoolRig rig = PoolRig.starved();
                PatientTaker patient = rig.pool.openPatient();
                UrgentTaker urgent = rig.pool.openUrgent()) {
            List<PoolPage> all = PoolRig.takeUrgently(urgent, 32);
            for (PoolPage page : all) {
                page.memory().fill((byte) 0x55);
                urgent.giveBack(page);
            }
            urgent.close();
            PoolRig.await(() -> rig.pool.level() == 32);
            for (int index = 0; index < 24; index++) {
                PoolPage page = patient.take(LONG_NANOS);
                assertThat(page.isZeroed()).isTrue();
                assertThat(page.memory().mismatch(zeroes())).isEqualTo(-1);
            }
            assertThat(rig.pool.statistics().wiped()).isEqualTo(32);
        }
    }

    @Test
    void shouldSayWhenAPageHoldsWhatItsTakerLeft() {
        try (PoolRig rig = PoolRig.starved();
                UrgentTaker urgent = rig.pool.openUrgent()) {
            PoolPage page = urgent.tryTake();
            page.memory().set(ValueLayout.JAVA_BYTE, 17, (byte) 1);
            urgent.giveBack(page);
            assertThat(urgent.tryTake()).isSameAs(page);
            assertThat(page.isZeroed()).isFalse();
            assertThat(page.memory().get(ValueLayout.JAVA_BYTE, 17)).isEqualTo((byte) 1);
        }
    }

    @Test
    void shouldGivePagesBeyondTheHighMarkBackToTheMemory() {
        try (PoolRig rig = PoolRig.of(512);
                UrgentTaker taker = rig.pool.openUrgent()) {
            List<PoolPage> taken = new ArrayList<>();
            PoolRig.await(
                    () -> {
                        taken.addAll(PoolRig.takeUrgently(taker, 16));
                        return taken.size() >= 200;
                    });
            taken.forEach(taker::giveBack);
            taker.close();
            PoolRig.await(() -> rig.pool.statistics().givenUp() > 0 && rig.pool.level() >= 64);
            PoolRig.await(() -> rig.pool.statistics().pages() == rig.pool.level());
            assertThat(rig.pool.level()).isBetween(64, 64 + 16);
            assertThat(rig.usedPages()).isEqualTo(rig.pool.level());
        }
    }

    @Test
    void shouldRefuseAPageThatIsGivenBackTwiceOrToAnotherPool() throws InterruptedException {
        try (PoolRig rig = PoolRig.starved();
                PoolRig other = PoolRig.starved();
                UrgentTaker urgent = rig.pool.openUrgent();
                PatientTaker patient = rig.pool.openPatient();
                UrgentTaker stranger = other.pool.openUrgent()) {
            PoolPage page = urgent.tryTake();
            assertThatThrownBy(() -> stranger.giveBack(page))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("is of page pool test0");
            patient.giveBack(page);
            assertThatThrownBy(() -> urgent.giveBack(page))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("given back twice");
            assertThatThrownBy(() -> patient.giveBack(page))
                    .isInstanceOf(IllegalStateException.class);
            assertThat(patient.take(LONG_NANOS)).isSameAs(page);
        }
    }

    @Test
    void shouldGiveEverythingBackWhenItIsClosed() {
        int before = Descriptor.openCount();
        try (PhysicalMemory memory = PhysicalMemory.create(256 * 4096)) {
            PagePool pool = PagePool.open(memory, "test0", new PoolMarks(16, 64, 8, 32));
            UrgentTaker urgent = pool.openUrgent();
            PatientTaker patient = pool.openPatient();
            List<PoolPage> taken = PoolRig.takeUrgently(urgent, 5);
            pool.close();
            pool.close();
            assertThat(memory.lengthBytes() - memory.freeBytes())
                    .as("taken, and in the magazine of a thread that is alive")
                    .isEqualTo(16 * 4096);
            taken.subList(0, 3).forEach(patient::giveBack);
            taken.subList(3, 5).forEach(urgent::giveBack);
            assertThat(memory.freeBytes()).isEqualTo(memory.lengthBytes());
            assertThatThrownBy(urgent::tryTake)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("page pool test0 is closed");
            assertThatThrownBy(() -> patient.take(SHORT_NANOS)).hasMessageContaining("closed");
            assertThatThrownBy(pool::openUrgent).hasMessageContaining("closed");
            assertThatThrownBy(pool::openPatient).hasMessageContaining("closed");
            assertThatThrownBy(() -> pool.release(0, 1)).hasMessageContaining("closed");
            urgent.close();
            patient.close();
        }
        assertThat(Descriptor.openCount()).isEqualTo(before);
    }

    @Test
    void shouldWakeWhoWaitsWhenItIsClosed() throws InterruptedException {
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        try (PoolRig rig = PoolRig.starved()) {
            UrgentTaker urgent = rig.pool.openUrgent();
            PoolRig.takeUrgently(urgent, 32);
            Thread waiting = Thread.ofPlatform().unstarted(() -> takeOnce(rig.pool));
            waiting.setUncaughtExceptionHandler((thread, failure) -> thrown.set(failure));
            waiting.start();
            PoolRig.await(() -> rig.pool.statistics().waits() > 0);
            rig.pool.close();
            waiting.join();
        }
        assertThat(thrown.get())
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
    }

    @Test
    void shouldRefuseATakerThatWasClosed() {
        try (PoolRig rig = PoolRig.starved()) {
            UrgentTaker urgent = rig.pool.openUrgent();
            PatientTaker patient = rig.pool.openPatient();
            PoolPage page = urgent.tryTake();
            urgent.close();
            urgent.close();
            patient.close();
            patient.close();
            assertThatThrownBy(urgent::tryTake).hasMessageContaining("after it was closed");
            assertThatThrownBy(() -> patient.take(SHORT_NANOS))
                    .hasMessageContaining("after it was closed");
            urgent.giveBack(page);
            assertThat(rig.pool.statistics().takers()).isZero();
            UrgentTaker next = rig.pool.openUrgent();
            List<PoolPage> all = new ArrayList<>();
            PoolRig.await(
                    () -> {
                        all.addAll(PoolRig.takeUrgently(next, 1));
                        return all.size() == 32;
                    });
            assertThat(all).contains(page);
        }
    }

    @Test
    void shouldRefuseMoreTakersThanItHas() {
        try (PoolRig rig = PoolRig.starved()) {
            for (int taker = 0; taker < PagePool.MAX_TAKERS; taker++) {
                rig.pool.openUrgent();
            }
            assertThatThrownBy(rig.pool::openUrgent)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("takers=1024");
            assertThatThrownBy(rig.pool::openPatient).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void shouldTellTheLowestLevelSinceItWasAsked() {
        try (PoolRig rig = PoolRig.starved();
                UrgentTaker urgent = rig.pool.openUrgent()) {
            assertThat(rig.pool.lowestLevel()).isEqualTo(32);
            List<PoolPage> all = PoolRig.takeUrgently(urgent, 32);
            all.forEach(urgent::giveBack);
            urgent.close();
            PoolRig.await(() -> rig.pool.level() == 32);
            assertThat(rig.pool.lowestLevel()).isZero();
            assertThat(rig.pool.lowestLevel()).isEqualTo(32);
        }
    }
}
