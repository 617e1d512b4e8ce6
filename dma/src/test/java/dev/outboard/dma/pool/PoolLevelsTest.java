package dev.outboard.dma.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

final class PoolLevelsTest {
    @Test
    void shouldTellLevelsAndTheLowestBetween() {
        try (PoolRig rig = PoolRig.starved();
                UrgentTaker urgent = rig.pool.openUrgent()) {
            PoolLevels levels = new PoolLevels(rig.pool, 8);
            levels.sample();
            PoolRig.takeUrgently(urgent, 40);
            levels.sample();
            List<PoolLevels.Sample> samples = levels.samples();
            assertThat(samples).hasSize(2);
            assertThat(samples.getFirst().level()).isEqualTo(32);
            assertThat(samples.getFirst().lowest()).isEqualTo(32);
            assertThat(samples.getFirst().refusals()).isZero();
            assertThat(samples.getLast().level()).isZero();
            assertThat(samples.getLast().lowest()).isZero();
            assertThat(samples.getLast().refusals()).isEqualTo(8);
            assertThat(samples.getLast().nanos()).isGreaterThan(samples.getFirst().nanos());
        }
    }

    @Test
    void shouldJoinNeighboursWhenItIsFullAndForgetNoLowestLevel() {
        try (PoolRig rig = PoolRig.starved();
                UrgentTaker urgent = rig.pool.openUrgent()) {
            PoolLevels levels = new PoolLevels(rig.pool, 4);
            for (int sample = 0; sample < 1000; sample++) {
                if (sample == 501) {
                    PoolRig.takeUrgently(urgent, 32).forEach(urgent::giveBack);
                    urgent.close();
                    PoolRig.await(() -> rig.pool.level() == 32);
                }
                levels.sample();
            }
            List<PoolLevels.Sample> samples = levels.samples();
            assertThat(samples).hasSizeBetween(2, 4);
            assertThat(samples).extracting(PoolLevels.Sample::lowest).contains(0);
            assertThat(samples.getLast().level()).isEqualTo(32);
            assertThat(samples).isSortedAccordingTo((a, b) -> Long.compare(a.nanos(), b.nanos()));
        }
    }

    @Test
    void shouldRefuseACapacityThatCannotBeHalved() {
        try (PoolRig rig = PoolRig.starved()) {
            assertThatThrownBy(() -> new PoolLevels(rig.pool, 3))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("capacity=3");
            assertThatThrownBy(() -> new PoolLevels(rig.pool, 0))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }
}
