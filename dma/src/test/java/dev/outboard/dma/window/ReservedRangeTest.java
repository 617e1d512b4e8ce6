package dev.outboard.dma.window;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The longest run beside what is reserved. */
class ReservedRangeTest {
    private static final int END = 64;

    private static ReservedRange pages(long first, long last) {
        return new ReservedRange(first << 12, (last << 12) + 0xfff);
    }

    @Test
    void shouldTakeTheWholeTableWhereNothingIsReserved() {
        assertThat(ReservedRange.longest(List.of(), 1, END))
                .isEqualTo(new ReservedRange.Run(1, END));
        assertThat(ReservedRange.longest(List.of(pages(END, -1L >>> 12)), 1, END))
                .isEqualTo(new ReservedRange.Run(1, END));
    }

    @Test
    void shouldLoseEveryPageThatIsTouched() {
        var touch = new ReservedRange(0x7fff, 0x8000);
        assertThat(ReservedRange.longest(List.of(touch), 1, 16))
                .isEqualTo(new ReservedRange.Run(9, 16));
    }

    @Test
    void shouldRefuseATableThatIsAllReserved() {
        assertThatThrownBy(() -> ReservedRange.longest(List.of(pages(0, END)), 1, END))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("--table-entries");
    }

    @Test
    void shouldAgreeWithLookingAtEveryPage() {
        long seed = System.nanoTime();
        var random = new Random(seed);
        for (int round = 0; round < 2000; round++) {
            boolean[] taken = new boolean[END];
            List<ReservedRange> reserved = new ArrayList<>();
            for (int range = random.nextInt(5); range > 0; range--) {
                int first = random.nextInt(END + 8);
                int last = first + random.nextInt(12);
                reserved.add(pages(first, last));
                for (int page = first; page <= last && page < END; page++) {
                    taken[page] = true;
                }
            }
            int longest = 0;
            int run = 0;
            for (int page = 1; page < END; page++) {
                run = taken[page] ? 0 : run + 1;
                longest = Math.max(longest, run);
            }
            if (longest == 0) {
                continue;
            }
            var found = ReservedRange.longest(reserved, 1, END);
            assertThat(found.pages()).as("seed=%d round=%d", seed, round).isEqualTo(longest);
            for (int page = found.first(); page < found.end(); page++) {
                assertThat(taken[page]).as("seed=%d page=%d", seed, page).isFalse();
            }
        }
    }
}
