package dev.outboard.host.run;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.cli.StopRequest;
import org.junit.jupiter.api.Test;

class PatienceTest {
    private final StopRequest stop = StopRequest.ofProcess();

    @Test
    void shouldNotWaitWhereNobodyAskedForIt() {
        var patience = new Patience(stop, 0);

        assertThat(patience.lost(true)).isFalse();
        assertThat(patience.absent()).isFalse();
        assertThat(patience.isWaiting()).isFalse();
    }

    @Test
    void shouldNotWaitForADeviceThatNeverWasThere() {
        var patience = new Patience(stop, 60);

        assertThat(patience.absent()).isFalse();
        assertThat(patience.lost(false)).isFalse();
        assertThat(patience.isWaiting()).isFalse();
    }

    @Test
    void shouldTryUntilTheTimeIsUp() {
        var patience = new Patience(stop, 1);

        assertThat(patience.lost(true)).isTrue();
        var start = System.nanoTime();
        var tries = 0;
        while (patience.absent()) {
            tries++;
        }
        assertThat(tries).isBetween(1, 20);
        assertThat(System.nanoTime() - start).isGreaterThan(800_000_000L);
    }

    @Test
    void shouldNotGiveADeviceMoreTimeForComingAndLeaving() {
        var patience = new Patience(stop, 1);
        patience.lost(true);
        var tries = 0;
        while (patience.lost(false)) {
            tries++;
        }
        assertThat(tries).isBetween(1, 20);
    }
}
