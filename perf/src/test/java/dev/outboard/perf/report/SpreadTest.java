package dev.outboard.perf.report;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SpreadTest {
    @Test
    void shouldFindTheMiddleAndTheQuarters() {
        var spread = Spread.of(new double[] {5, 1, 4, 2, 3}, 5);
        assertThat(spread).isEqualTo(new Spread(3, 2, 4));
    }

    @Test
    void shouldTakeOnlyTheFirstSamples() {
        assertThat(Spread.of(new double[] {7, 9, 1000}, 2).median()).isEqualTo(8);
    }

    @Test
    void shouldSayThatNothingWasMeasured() {
        assertThat(Spread.of(new double[8], 0).median()).isNaN();
    }
}
