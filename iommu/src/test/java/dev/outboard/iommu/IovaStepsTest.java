package dev.outboard.iommu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * How many words a search looks at, beyond its first, in a window of 1 GiB at every fill level and
 * fragmentation. Counted, not timed: the same on every machine.
 */
final class IovaStepsTest {
    private static final int WINDOW = 256 * 1024;
    private static final int CALLS = 20_000;

    /** An allocator, and the words that its searches have looked at. */
    private record Counted(IovaAllocator allocator, PageBitmap bitmap) {
        static Counted of(String kind) {
            if (kind.equals("POOLED")) {
                PooledSpace space = new PooledSpace(1, WINDOW, 2);
                return new Counted(space.open(), space.bitmap);
            }
            NextFitAllocator allocator = NextFitAllocator.pooled(1, WINDOW);
            return new Counted(allocator, allocator.bitmap());
        }

        long take(int pages) {
            long page = allocator.allocate(pages);
            if (page == IovaAllocator.NONE) {
                allocator.rollOver();
                page = allocator.allocate(pages);
            }
            return page;
        }
    }

    @ParameterizedTest
    @CsvSource({
        "SOLE,1", "SOLE,2", "SOLE,16", "SOLE,512",
        "POOLED,1", "POOLED,2", "POOLED,16", "POOLED,512"
    })
    void shouldLookAtFewWordsAtEveryFillLevel(String kind, int pages) {
        for (int fillPercent : new int[] {0, 50, 90, 99}) {
            Counted counted = Counted.of(kind);
            List<Long> taken = new ArrayList<>();
            for (long page = counted.take(pages);
                    page != IovaAllocator.NONE;
                    page = counted.take(pages)) {
                taken.add(page);
            }
            Collections.shuffle(taken, new Random(fillPercent));
            int kept = taken.size() * fillPercent / 100;
            taken.subList(kept, taken.size()).forEach(page -> counted.allocator.free(page, pages));
            assertThat(medianSteps(counted, pages))
                    .as("fillPercent=%d", fillPercent)
                    // A long run is itself many words, each looked at once.
                    .isLessThanOrEqualTo(4 + 4 * pages / Long.SIZE);
        }
    }

    private static long medianSteps(Counted counted, int pages) {
        long[] steps = new long[CALLS];
        for (int call = 0; call < CALLS; call++) {
            long before = counted.bitmap.steps();
            long page = counted.take(pages);
            steps[call] = counted.bitmap.steps() - before;
            assertThat(page).isNotEqualTo(IovaAllocator.NONE);
            counted.allocator.free(page, pages);
        }
        Arrays.sort(steps);
        return steps[CALLS / 2];
    }

    @ParameterizedTest
    @CsvSource({"SOLE", "POOLED"})
    void shouldNotSearchACheckerboardForEveryLongRun(String kind) {
        Counted counted = Counted.of(kind);
        List<Long> pages = new ArrayList<>();
        for (int index = 0; index < 190_000; index++) {
            pages.add(counted.take(1));
        }
        for (int index = 0; index < pages.size(); index += 2) {
            counted.allocator.free(pages.get(index), 1);
        }
        assertThat(medianSteps(counted, 16)).isLessThanOrEqualTo(1);
        assertThat(medianSteps(counted, 1)).isLessThanOrEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource({"SOLE"})
    void shouldNotSearchAgainForASizeThatFailedWhenNothingMadeRoomForIt(String kind) {
        Counted counted = Counted.of(kind);
        List<Long> pages = new ArrayList<>();
        for (long page = counted.take(1); page != IovaAllocator.NONE; page = counted.take(1)) {
            pages.add(page);
        }
        for (int index = 0; index < pages.size(); index += 2) {
            counted.allocator.free(pages.get(index), 1);
        }
        assertThat(counted.take(2)).isEqualTo(IovaAllocator.NONE);
        long before = counted.bitmap.steps();
        for (int call = 0; call < 1000; call++) {
            assertThat(counted.take(2)).isEqualTo(IovaAllocator.NONE);
            // A single page comes and goes between two that are taken.
            long page = counted.take(1);
            counted.allocator.free(page, 1);
        }
        assertThat(counted.bitmap.steps() - before).isLessThan(20_000);
        counted.allocator.free(pages.get(1001), 1);
        assertThat(counted.take(2)).as("now there is room").isNotEqualTo(IovaAllocator.NONE);
    }
}
