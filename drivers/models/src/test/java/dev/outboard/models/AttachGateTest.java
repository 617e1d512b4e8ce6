package dev.outboard.models;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.backend.loop.AttachGate;
import org.junit.jupiter.api.Test;

class AttachGateTest {
    private final AttachGate gate = new AttachGate();

    @Test
    void shouldBeOpenUntilAnAttemptFails() {
        assertThat(gate.shutNanos(0)).isZero();
        assertThat(gate.shutNanos(Long.MIN_VALUE)).isZero();
    }

    @Test
    void shouldBeShutNineTimesAsLongAsTheAttemptTook() {
        gate.failed(1000, 1100);
        assertThat(gate.shutNanos(1100)).isEqualTo(900);
        assertThat(gate.shutNanos(1999)).isEqualTo(1);
        assertThat(gate.shutNanos(2000)).isZero();
        assertThat(gate.shutNanos(1500)).isZero();
    }

    @Test
    void shouldNotMindThatTheClockIsNegativeOrWraps() {
        gate.failed(Long.MAX_VALUE - 10, Long.MAX_VALUE);
        assertThat(gate.shutNanos(Long.MAX_VALUE)).isEqualTo(90);
        assertThat(gate.shutNanos(Long.MAX_VALUE + 89)).isEqualTo(1);
        assertThat(gate.shutNanos(Long.MAX_VALUE + 90)).isZero();
    }
}
