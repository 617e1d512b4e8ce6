package dev.outboard.dma.mediator;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class FaultMeterTest {
    private static final long LONG_NANOS = 1_000_000_000;

    private final FaultMeter meter = new FaultMeter();

    @Test
    void shouldAdmitSoManyInAWhileAndAsManyInTheNext() {
        for (long now : new long[] {Long.MAX_VALUE - 5, Long.MAX_VALUE - 5 + LONG_NANOS}) {
            for (int fault = 0; fault < FaultMeter.MOST; fault++) {
                assertThat(meter.admits(now)).isTrue();
                meter.told();
            }
            assertThat(meter.admits(now + 1)).isFalse();
        }
    }

    @Test
    void shouldAdmitNoneWhileNobodyWasTold() {
        for (int fault = 0; fault < FaultMeter.MOST; fault++) {
            assertThat(meter.admits(0)).isTrue();
        }
        assertThat(meter.admits(LONG_NANOS)).isFalse();
        meter.told();
        assertThat(meter.admits(LONG_NANOS)).isTrue();
        assertThat(meter.admits(LONG_NANOS)).isFalse();
    }
}
