package dev.outboard.host.run;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class CpuTimeTest {
    @Test
    void shouldCountFieldsFromTheEndOfTheName() {
        var stat = "77 (ob) nic 0) S 1 77 77 0 -1 4194560 1 2 3 4 150 25 0 0 20 0 1 0 99";

        assertThat(CpuTime.parse(stat)).isEqualTo(new CpuTime(1_500_000_000L, 250_000_000L));
    }

    @Test
    @Timeout(20)
    void shouldGrowWhileThisProcessWorks() {
        var before = CpuTime.now();
        var after = before;
        while (after.minus(before).userNanos() == 0) {
            after = CpuTime.now();
        }
        assertThat(after.minus(before).systemNanos()).isNotNegative();
        assertThat(before.userNanos() + before.systemNanos()).isPositive();
    }
}
