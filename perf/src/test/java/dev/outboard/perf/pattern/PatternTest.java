package dev.outboard.perf.pattern;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class PatternTest {
    private static final int MAXIMUM = 1500;

    private final MemorySegment memory = Arena.ofAuto().allocate(4096);

    @Test
    void shouldAcceptWhatItFilled() {
        var pattern = new Pattern(7, MAXIMUM);
        for (int length = 0; length <= 64; length++) {
            pattern.fill(memory, 3, length, pattern.key(5, 1));
            assertThat(pattern.mismatch(memory, 3, length, pattern.key(5, 1))).isEqualTo(-1);
        }
    }

    @Test
    void shouldFindAnySingleFlippedBit() {
        long seed = System.nanoTime();
        var random = new SplittableRandom(seed);
        var pattern = new Pattern(seed, MAXIMUM);
        for (int round = 0; round < 2000; round++) {
            int length = 1 + random.nextInt(MAXIMUM);
            long key = pattern.key(random.nextLong(), random.nextInt(16));
            pattern.fill(memory, 0, length, key);
            int victim = random.nextInt(length);
            byte was = memory.get(ValueLayout.JAVA_BYTE, victim);
            memory.set(ValueLayout.JAVA_BYTE, victim, (byte) (was ^ (1 << random.nextInt(8))));
            assertThat(pattern.mismatch(memory, 0, length, key))
                    .as("seed=%d round=%d length=%d", seed, round, length)
                    .isEqualTo(victim);
        }
    }

    @Test
    void shouldRejectAnotherMessageAnotherPartAndAnotherSeed() {
        var pattern = new Pattern(1, MAXIMUM);
        pattern.fill(memory, 0, 64, pattern.key(10, 2));
        assertThat(pattern.mismatch(memory, 0, 64, pattern.key(11, 2))).isNotEqualTo(-1);
        assertThat(pattern.mismatch(memory, 0, 64, pattern.key(10, 3))).isNotEqualTo(-1);
        var other = new Pattern(2, MAXIMUM);
        assertThat(other.mismatch(memory, 0, 64, other.key(10, 2))).isNotEqualTo(-1);
    }

    @Test
    void shouldRejectDataThatMoved() {
        var pattern = new Pattern(1, MAXIMUM);
        pattern.fill(memory, 0, 128, pattern.key(0, 0));
        assertThat(pattern.mismatch(memory, 8, 64, pattern.key(0, 0))).isZero();
    }

    @Test
    void shouldNotWriteBeyondItsLength() {
        var pattern = new Pattern(1, MAXIMUM);
        memory.fill((byte) 0x55);
        pattern.fill(memory, 10, 13, pattern.key(0, 0));
        assertThat(memory.get(ValueLayout.JAVA_BYTE, 9)).isEqualTo((byte) 0x55);
        assertThat(memory.get(ValueLayout.JAVA_BYTE, 23)).isEqualTo((byte) 0x55);
    }

    @Test
    void shouldRefuseAPieceLongerThanItsTable() {
        var pattern = new Pattern(1, 100);
        assertThatThrownBy(() -> pattern.fill(memory, 0, 101, 0))
                .isInstanceOf(IndexOutOfBoundsException.class)
                .hasMessageContaining("lengthBytes=101");
        assertThatThrownBy(() -> new Pattern(1, 0)).isInstanceOf(IllegalArgumentException.class);
    }
}
