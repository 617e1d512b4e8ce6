package dev.outboard.iommu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class NextFitAllocatorTest {
    @Test
    void shouldHandOutPagesOneAfterAnother() {
        NextFitAllocator allocator = new NextFitAllocator(1, 100);
        assertThat(allocator.allocate(1)).isEqualTo(1);
        assertThat(allocator.allocate(3)).isEqualTo(2);
        assertThat(allocator.allocate(1)).isEqualTo(5);
        allocator.free(2, 3);
        assertThat(allocator.allocate(3)).as("next fit does not go back").isEqualTo(6);
        assertThat(allocator.freePages()).isEqualTo(99 - 5);
    }

    @Test
    void shouldNeverHandOutPageZero() {
        assertThatThrownBy(() -> new NextFitAllocator(0, 10)).hasMessageContaining("firstPage=0");
        NextFitAllocator allocator = new NextFitAllocator(1, 130);
        for (int lap = 0; lap < 3; lap++) {
            for (int page = 1; page < 130; page++) {
                assertThat(allocator.allocate(1)).isEqualTo(page);
            }
            assertThat(allocator.allocate(1)).isEqualTo(IovaAllocator.NONE);
            allocator.free(1, 129);
            allocator.rollOver();
        }
        assertThatThrownBy(() -> allocator.free(0, 1)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void shouldNotReuseARetiredPageAheadOfTheSearchBeforeTheRollOver() {
        NextFitAllocator allocator = new NextFitAllocator(1, 9);
        for (int page = 1; page < 9; page++) {
            allocator.allocate(1);
        }
        allocator.retire(1, 2);
        allocator.rollOver();
        assertThat(allocator.allocate(1)).isEqualTo(1);
        // Page 6 belongs to the lap before and lies ahead of the search: the trap.
        allocator.retire(6, 1);
        assertThat(allocator.allocate(1)).isEqualTo(2);
        assertThat(allocator.allocate(1)).isEqualTo(IovaAllocator.NONE);
        assertThat(allocator.retiredPages()).isEqualTo(1);
        allocator.rollOver();
        assertThat(allocator.allocate(1)).isEqualTo(6);
        assertThat(allocator.retiredPages()).isZero();
    }

    @Test
    void shouldRefuseToTakeBackWhatIsNotAllocated() {
        NextFitAllocator allocator = new NextFitAllocator(1, 200);
        long run = allocator.allocate(100);
        assertThatThrownBy(() -> allocator.free(run + 50, 51))
                .hasMessageContaining("not allocated");
        assertThatThrownBy(() -> allocator.retire(199, 2)).hasMessageContaining("not allocated");
        assertThatThrownBy(() -> allocator.free(Long.MAX_VALUE, 2))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> allocator.free(-1, 1))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> allocator.free(run, 0))
                .isInstanceOf(IllegalArgumentException.class);
        allocator.retire(run, 60);
        assertThatThrownBy(() -> allocator.retire(run + 59, 1))
                .hasMessageContaining("not allocated");
        assertThatThrownBy(() -> allocator.free(run, 1)).hasMessageContaining("not allocated");
        allocator.free(run + 60, 40);
        assertThat(allocator.freePages()).isEqualTo(199 - 60);
        assertThatThrownBy(() -> allocator.allocate(0))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void shouldFindTheOnlyRoomInALargeWindow() {
        int end = 1 << 20;
        NextFitAllocator allocator = new NextFitAllocator(1, end);
        for (int page = 1; page < end; page++) {
            allocator.allocate(1);
        }
        allocator.rollOver();
        allocator.free(777_777, 3);
        assertThat(allocator.allocate(4)).isEqualTo(IovaAllocator.NONE);
        assertThat(allocator.allocate(4)).isEqualTo(IovaAllocator.NONE);
        assertThat(allocator.allocate(3)).isEqualTo(777_777);
        allocator.free(end - 1, 1);
        assertThat(allocator.allocate(1)).isEqualTo(end - 1);
        assertThat(allocator.allocate(1)).isEqualTo(IovaAllocator.NONE);
        assertThat(allocator.freePages()).isZero();
    }

    /** The model: an array of states and a search that looks at every page. */
    private static final class Model {
        private static final byte FREE = 0;
        private static final byte USED = 1;
        private static final byte RETIRED = 2;

        final byte[] pages;
        final int first;
        int hint;

        Model(int first, int end) {
            this.first = first;
            pages = new byte[end];
            hint = first;
        }

        long allocate(int count) {
            for (int start = hint; start + count <= pages.length; start++) {
                int length = 0;
                while (length < count && pages[start + length] == FREE) {
                    length++;
                }
                if (length == count) {
                    Arrays.fill(pages, start, start + count, USED);
                    hint = start + count;
                    return start;
                }
            }
            return IovaAllocator.NONE;
        }

        void rollOver() {
            hint = first;
            for (int page = first; page < pages.length; page++) {
                if (pages[page] == RETIRED) {
                    pages[page] = FREE;
                }
            }
        }

        long count(byte state) {
            long count = 0;
            for (int page = first; page < pages.length; page++) {
                count += pages[page] == state ? 1 : 0;
            }
            return count;
        }
    }

    private record Run(long page, int pages) {}

    @Test
    void shouldDoWhatASearchOfEveryPageDoes() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 40; round++) {
            int first = 1 + random.nextInt(70);
            int end = first + 1 + random.nextInt(round % 2 == 0 ? 200 : 9000);
            compareWithModel(seed, random, first, end, 1 + random.nextInt(100));
        }
    }

    private static void compareWithModel(
            long seed, Random random, int first, int end, int longestRun) {
        NextFitAllocator allocator = new NextFitAllocator(first, end);
        Model model = new Model(first, end);
        List<Run> live = new ArrayList<>();
        for (int step = 0; step < 2000; step++) {
            int action = random.nextInt(10);
            if (action < 5) {
                int pages = random.nextBoolean() ? 1 : 1 + random.nextInt(longestRun);
                long page = allocator.allocate(pages);
                assertThat(page).as("seed=%d step=%d", seed, step).isEqualTo(model.allocate(pages));
                if (page == IovaAllocator.NONE) {
                    allocator.rollOver();
                    model.rollOver();
                } else {
                    live.add(new Run(page, pages));
                }
            } else if (action < 9 && !live.isEmpty()) {
                Run run = live.remove(random.nextInt(live.size()));
                boolean retire = random.nextBoolean();
                if (retire) {
                    allocator.retire(run.page, run.pages);
                } else {
                    allocator.free(run.page, run.pages);
                }
                Arrays.fill(
                        model.pages,
                        (int) run.page,
                        (int) run.page + run.pages,
                        retire ? Model.RETIRED : Model.FREE);
            }
            if (step % 50 == 0) {
                assertThat(allocator.freePages())
                        .as("seed=%d step=%d", seed, step)
                        .isEqualTo(model.count(Model.FREE));
                assertThat(allocator.retiredPages())
                        .as("seed=%d step=%d", seed, step)
                        .isEqualTo(model.count(Model.RETIRED));
            }
        }
    }
}
