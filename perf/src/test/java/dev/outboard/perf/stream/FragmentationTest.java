package dev.outboard.perf.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class FragmentationTest {
    private static final int MTU = 1500;

    @Test
    void shouldCutEverySizeIntoAsFewFramesAsTheMtuAllows() {
        for (int size = Fragmentation.MINIMUM_BYTES; size <= 20_000; size++) {
            var cut = new Fragmentation(size, MTU);
            assertThat(cut.frames()).isEqualTo((size + MTU - 1) / MTU);
            int sum = 0;
            for (int i = 0; i < cut.frames(); i++) {
                assertThat(cut.offset(i)).isEqualTo(sum);
                assertThat(cut.payloadBytes(i)).isBetween(Fragmentation.MINIMUM_BYTES, MTU);
                assertThat(cut.patternBytes(i)).isPositive();
                sum += cut.payloadBytes(i);
            }
            assertThat(sum).isEqualTo(size);
        }
    }

    @Test
    void shouldSendAnMtuAsOneFrame() {
        assertThat(new Fragmentation(1500, MTU).frames()).isOne();
        assertThat(new Fragmentation(1501, MTU).frames()).isEqualTo(2);
        assertThat(new Fragmentation(16_384, MTU).frames()).isEqualTo(11);
    }

    @Test
    void shouldRefuseSizesThatCannotBeSent() {
        assertThatThrownBy(() -> new Fragmentation(45, MTU))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("46");
        assertThatThrownBy(() -> new Fragmentation((1 << 20) + 1, MTU))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Fragmentation(64, 64))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("mtuBytes=64");
    }
}
