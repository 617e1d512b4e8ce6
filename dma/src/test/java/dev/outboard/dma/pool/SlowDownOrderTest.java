package dev.outboard.dma.pool;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The order that OpenBSD lost twice: the page goes into the taker's own pool, where others find it,
 * and only then does the taker yield. Whoever may not block tries while the other yields.
 */
@Timeout(60)
final class SlowDownOrderTest {
    private static final long LONG_NANOS = 30_000_000_000L;

    /** What the one that may not block got while the one that may sleep yielded. */
    private final List<PoolPage> gotMeanwhile = new ArrayList<>();

    @Test
    void shouldHaveItsPageInItsOwnPoolBeforeItYields() throws InterruptedException {
        try (PoolRig rig = PoolRig.starved();
                UrgentTaker urgent = rig.pool.openUrgent();
                PatientTaker patient = rig.pool.openPatient(() -> trySixteen(urgent))) {
            PoolRig.takeUrgently(urgent, 16);
            PoolPage page = patient.take(1);
            assertThat(patient.slowDowns()).isEqualTo(1);
            assertThat(gotMeanwhile).as("nothing is held back").hasSize(16);
            assertThat(urgent.refusals()).isZero();
            assertThat(page).as("others have it; they needed it more").isNull();
        }
    }

    @Test
    void shouldHoldAPageBackInTheWrongOrder() throws InterruptedException {
        try (PoolRig rig = PoolRig.starved();
                UrgentTaker urgent = rig.pool.openUrgent()) {
            HoardingTaker hoarder = new HoardingTaker(rig.pool, () -> trySixteen(urgent));
            PoolRig.takeUrgently(urgent, 16);
            PoolPage page = hoarder.take();
            assertThat(gotMeanwhile).as("one is held back, and missing").hasSize(15);
            assertThat(urgent.refusals()).isEqualTo(1);
            assertThat(page).isNotNull();
        }
    }

    @Test
    void shouldFeedThePoolOfItsCallerBeforeItYields() throws InterruptedException {
        Deque<PoolPage> own = new ArrayDeque<>();
        List<Integer> seenWhileYielding = new ArrayList<>();
        try (PoolRig rig = PoolRig.starved();
                UrgentTaker urgent = rig.pool.openUrgent();
                PatientTaker patient =
                        rig.pool.openPatient(() -> seenWhileYielding.add(own.size()))) {
            PoolRig.takeUrgently(urgent, 16);
            assertThat(patient.feed(own::add, LONG_NANOS)).isTrue();
            assertThat(patient.feed(own::add, LONG_NANOS)).isTrue();
            assertThat(seenWhileYielding).containsExactly(1, 2);
            own.forEach(patient::giveBack);
        }
    }

    @Test
    void shouldFeedNothingWhereOnlyTheReserveIsLeft() throws InterruptedException {
        Deque<PoolPage> own = new ArrayDeque<>();
        try (PoolRig rig = PoolRig.starved();
                PatientTaker patient = rig.pool.openPatient()) {
            while (patient.feed(own::add, 1)) {
                assertThat(own).hasSizeLessThanOrEqualTo(24);
            }
            assertThat(own).hasSize(24);
            assertThat(rig.pool.level()).isEqualTo(8);
        }
    }

    private void trySixteen(UrgentTaker urgent) {
        gotMeanwhile.addAll(PoolRig.takeUrgently(urgent, 16));
    }

    /** As OpenBSD was between {@code uvm_km.c} 1.67 and 1.68: it yields with its page in hand. */
    private static final class HoardingTaker {
        private final PagePool pool;
        private final Runnable yield;
        private final PageStack cache;
        private final PoolPage[] passing = new PoolPage[1];

        HoardingTaker(PagePool pool, Runnable yield) {
            this.pool = pool;
            this.yield = yield;
            cache = PageStack.counted(pool.table());
        }

        PoolPage take() {
            int got = pool.takePatiently(passing, 1);
            if (pool.isLow()) {
                this.yield.run();
            }
            cache.push(passing, 0, got);
            return cache.pop();
        }
    }
}
