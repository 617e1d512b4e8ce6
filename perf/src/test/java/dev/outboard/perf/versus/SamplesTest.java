package dev.outboard.perf.versus;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SamplesTest {
    @Test
    void shouldTellTheMedianOfOddAndEvenCounts() {
        assertThat(of(5, 1, 3).median()).isEqualTo(3);
        assertThat(of(4, 1, 3, 2).median()).isEqualTo(2.5);
        assertThat(of().median()).isNaN();
    }

    @Test
    void shouldTellTheSpread() {
        assertThat(of(5, 1, 3).minimum()).isEqualTo(1);
        assertThat(of(5, 1, 3).maximum()).isEqualTo(5);
    }

    @Test
    void shouldCompareWithinPairs() {
        var ratios = Samples.ratios(of(10, 40), of(5, 10));
        assertThat(ratios.count()).isEqualTo(2);
        assertThat(ratios.median()).isEqualTo(3);
    }

    private static Samples of(double... values) {
        var samples = new Samples();
        for (double value : values) {
            samples.add(value);
        }
        return samples;
    }
}
