package dev.outboard.iommu;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Map, clear and walk are on data paths: nothing may be allocated there. */
final class TableAllocationTest {
    private static final int ROUNDS = 30_000;

    /** Mean bytes a round that the measurement itself and late compilation may cost. */
    private static final double NOISE_BYTES = 0.5;

    static List<String> titles() {
        return TestTables.titles();
    }

    @ParameterizedTest
    @MethodSource("titles")
    void shouldNotAllocate(String title) {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (Arena arena = Arena.ofConfined()) {
            TestTables.Pair pair = TestTables.create(TableFormat.ofTitle(title), 8192, arena);
            long least = Long.MAX_VALUE;
            // The compiler needs some calls before objects of the memory access API vanish.
            for (int attempt = 0; attempt < 20 && least > ROUNDS * NOISE_BYTES; attempt++) {
                long before = threads.getCurrentThreadAllocatedBytes();
                long found = work(pair);
                long after = threads.getCurrentThreadAllocatedBytes();
                assertThat(found).isPositive();
                least = Math.min(least, after - before);
            }
            assertThat(least / (double) ROUNDS).as("bytes a round").isLessThan(NOISE_BYTES);
        }
    }

    private static long work(TestTables.Pair pair) {
        long found = 0;
        int shift = pair.owner().format().granuleShift();
        for (int round = 0; round < ROUNDS; round++) {
            long first = (round * 7L & 0xff) * 16;
            long pages = 1L << (round & 3) << shift;
            pair.owner().map(first << shift, first << shift, pages, Access.READ);
            found += pair.walker().walk(first << shift) == Translation.NONE ? 0 : 1;
            pair.owner().clear(first << shift, pages);
            found += pair.walker().walk(first << shift) == Translation.NONE ? 1 : 0;
        }
        return found;
    }
}
