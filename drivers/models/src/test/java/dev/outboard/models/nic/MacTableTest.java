package dev.outboard.models.nic;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

class MacTableTest {
    private static final long AGE = 1000;

    private final MacTable table = new MacTable(AGE);

    @Test
    void shouldFindWhereAnAddressWasSeenLast() {
        assertThat(table.find(2, 0)).isEqualTo(MacTable.UNKNOWN);
        table.learn(2, 5, 0);
        assertThat(table.find(2, 0)).isEqualTo(5);
        table.learn(2, 6, 0);
        assertThat(table.find(2, 0)).isEqualTo(6);
    }

    @Test
    void shouldForgetWhatWasNotSeenForLong() {
        table.learn(2, 5, 0);
        assertThat(table.find(2, AGE)).isEqualTo(5);
        assertThat(table.find(2, AGE + 1)).isEqualTo(MacTable.UNKNOWN);
        table.learn(2, 5, AGE + 1);
        assertThat(table.find(2, 2 * AGE)).isEqualTo(5);
    }

    @Test
    void shouldForgetAPort() {
        table.learn(2, 5, 0);
        table.learn(4, 6, 0);
        table.forget(5);
        assertThat(table.find(2, 0)).isEqualTo(MacTable.UNKNOWN);
        assertThat(table.find(4, 0)).isEqualTo(6);
    }

    @Test
    void shouldNeverNameAPortThatAnAddressWasNotSeenAt() {
        long seed = 99;
        var random = new Random(seed);
        int wrong = 0;
        for (int i = 0; i < 100_000; i++) {
            // Far more addresses than there is room for, as from a sender that makes them up.
            long address = random.nextLong() & 0xffff_ffff_fffeL;
            table.learn(address, (int) (address >>> 1 & 7), i);
            long other = random.nextLong() & 0xffff_ffff_fffeL;
            int found = table.find(other, i);
            wrong += found == MacTable.UNKNOWN || found == (other >>> 1 & 7) ? 0 : 1;
            assertThat(table.find(address, i)).as("seed %d", seed).isEqualTo(address >>> 1 & 7);
        }
        assertThat(wrong).isZero();
    }

    @Test
    void shouldKeepTheNewerOfTwoInOnePlace() {
        // Find three addresses that share their place by filling the table with one port each.
        var random = new Random(3);
        for (int i = 0; i < 50_000; i++) {
            table.learn(random.nextLong() & 0xffff_ffff_fffeL, 1, i / 100);
        }
        table.learn(2, 2, 600);
        table.learn(4, 3, 600);
        assertThat(table.find(2, 600)).isEqualTo(2);
        assertThat(table.find(4, 600)).isEqualTo(3);
    }
}
