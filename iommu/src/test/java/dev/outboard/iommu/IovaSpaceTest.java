package dev.outboard.iommu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What holds for every way to hand out IOVA pages, whatever the number of threads. */
final class IovaSpaceTest {
    private record Run(int page, int pages) {}

    private static IovaAllocator[] open(IovaSpace space, int threads) {
        IovaAllocator[] allocators = new IovaAllocator[threads];
        for (int index = 0; index < threads; index++) {
            allocators[index] = space.open();
        }
        return allocators;
    }

    private static long allocate(IovaAllocator allocator, int pages, int alignment) {
        long page = allocator.allocate(pages, alignment);
        if (page == IovaAllocator.NONE) {
            allocator.rollOver();
            page = allocator.allocate(pages, alignment);
        }
        return page;
    }

    @ParameterizedTest
    @EnumSource
    void shouldOpenOneAllocatorAThread(IovaAllocation kind) {
        for (int threads = 1; threads < 4; threads++) {
            IovaSpace space = kind.create(1, 10_000, threads);
            open(space, threads);
            assertThatThrownBy(space::open).isInstanceOf(IllegalStateException.class);
        }
        assertThatThrownBy(() -> kind.create(1, 10, 0)).hasMessageContaining("threads=0");
        assertThatThrownBy(() -> kind.create(0, 10, 1)).hasMessageContaining("firstPage=0");
        assertThatThrownBy(() -> kind.create(0, 10, 2)).hasMessageContaining("firstPage=0");
        assertThatThrownBy(() -> kind.create(9, 9, 2)).hasMessageContaining("endPage=9");
    }

    /** The model: what is handed out, and what each allocator has retired. */
    private static final class Model {
        final BitSet used = new BitSet();
        final List<BitSet> retired = new ArrayList<>();
        final int first;
        final int end;

        Model(int first, int end, int allocators) {
            this.first = first;
            this.end = end;
            for (int index = 0; index < allocators; index++) {
                retired.add(new BitSet());
            }
        }

        void take(long page, int pages, int alignment, String what) {
            assertThat(page).as(what).isBetween((long) first, (long) end - pages);
            assertThat(page % alignment).as(what).isZero();
            int start = (int) page;
            assertThat(used.nextSetBit(start))
                    .as(what)
                    .satisfiesAnyOf(
                            next -> assertThat(next).isEqualTo(-1),
                            next -> assertThat(next).isGreaterThanOrEqualTo(start + pages));
            for (BitSet set : retired) {
                BitSet overlap = set.get(start, start + pages);
                assertThat(overlap.isEmpty()).as(what + ": retired").isTrue();
            }
            used.set(start, start + pages);
        }

        int taken() {
            return used.cardinality() + retired.stream().mapToInt(BitSet::cardinality).sum();
        }
    }

    @ParameterizedTest
    @CsvSource({"NEXT_FIT,1", "NEXT_FIT,3", "MAGAZINES,1", "MAGAZINES,3"})
    void shouldHandOutOnlyWhatIsFreeAndFlushed(IovaAllocation kind, int threads) {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 16; round++) {
            int first = 1 + random.nextInt(70);
            int end = first + 1 + random.nextInt(round % 2 == 0 ? 300 : 20_000);
            compareWithModel(kind, threads, seed, random, first, end);
        }
    }

    private static void compareWithModel(
            IovaAllocation kind, int threads, long seed, Random random, int first, int end) {
        IovaSpace space = kind.create(first, end, threads);
        IovaAllocator[] allocators = open(space, threads);
        Model model = new Model(first, end, threads);
        List<Run> live = new ArrayList<>();
        int longest = 1 + random.nextInt(Math.min(200, end - first));
        for (int step = 0; step < 1500; step++) {
            String what = "seed=%d step=%d kind=%s".formatted(seed, step, kind);
            int mine = random.nextInt(threads);
            IovaAllocator allocator = allocators[mine];
            int action = random.nextInt(20);
            if (action < 10) {
                int pages = random.nextBoolean() ? 1 : 1 + random.nextInt(longest);
                int alignment = random.nextInt(4) == 0 ? 1 << random.nextInt(8) : 1;
                long page = allocator.allocate(pages, alignment);
                if (page == IovaAllocator.NONE) {
                    allocator.rollOver();
                    model.retired.get(mine).clear();
                } else {
                    model.take(page, pages, alignment, what);
                    live.add(new Run((int) page, pages));
                }
            } else if (!live.isEmpty()) {
                giveBack(allocator, live, random, model, mine);
            }
            checkCounts(kind, allocators, model, what, step);
        }
        endsEmpty(space, allocators, live, seed);
    }

    /** To any allocator, at once or after the next flush, whole or its head before the rest. */
    private static void giveBack(
            IovaAllocator allocator, List<Run> live, Random random, Model model, int mine) {
        Run run = live.remove(random.nextInt(live.size()));
        int rest = run.pages;
        int page = run.page;
        if (random.nextInt(8) == 0 && run.pages > 1) {
            int head = 1 + random.nextInt(run.pages - 1);
            allocator.free(page, head);
            model.used.clear(page, page + head);
            page += head;
            rest -= head;
        }
        if (random.nextBoolean()) {
            allocator.free(page, rest);
        } else {
            allocator.retire(page, rest);
            model.retired.get(mine).set(page, page + rest);
        }
        model.used.clear(page, page + rest);
    }

    private static void checkCounts(
            IovaAllocation kind, IovaAllocator[] allocators, Model model, String what, int step) {
        if (step % 20 != 0) {
            return;
        }
        long window = model.end - model.first;
        if (kind == IovaAllocation.NEXT_FIT) {
            long retired = 0;
            for (IovaAllocator allocator : allocators) {
                retired += allocator.retiredPages();
            }
            assertThat(allocators[0].freePages()).as(what).isEqualTo(window - model.taken());
            assertThat(retired)
                    .as(what)
                    .isEqualTo(model.retired.stream().mapToLong(BitSet::cardinality).sum());
        } else {
            assertThat(allocators[0].freePages())
                    .as(what)
                    .isBetween(window - 2L * model.taken(), window - model.taken());
        }
    }

    private static void endsEmpty(
            IovaSpace space, IovaAllocator[] allocators, List<Run> live, long seed) {
        live.forEach(run -> allocators[0].free(run.page, run.pages));
        for (IovaAllocator allocator : allocators) {
            allocator.rollOver();
            assertThat(allocator.retiredPages()).isZero();
        }
        int window = (int) space.freePages();
        assertThat(allocators[0].freePages()).as("seed=%d", seed).isEqualTo(window);
        // Nothing is lost: one thread gets every page, but for what others keep in magazines.
        BitSet all = new BitSet();
        for (IovaAllocator allocator : allocators) {
            for (long page = allocate(allocator, 1, 1);
                    page != IovaAllocator.NONE;
                    page = allocate(allocator, 1, 1)) {
                assertThat(all.get((int) page)).as("seed=%d", seed).isFalse();
                all.set((int) page);
            }
        }
        assertThat(all.cardinality()).as("seed=%d", seed).isEqualTo(window);
        assertThat(space.freePages()).isZero();
    }

    @ParameterizedTest
    @CsvSource({"NEXT_FIT,1", "NEXT_FIT,4", "MAGAZINES,1", "MAGAZINES,4"})
    void shouldRecoverFromExhaustion(IovaAllocation kind, int threads) {
        int end = 1 << 15;
        IovaAllocator allocator = kind.create(1, end, threads).open();
        for (int lap = 0; lap < 3; lap++) {
            List<Long> pages = new ArrayList<>();
            for (long page = allocate(allocator, 1, 1);
                    page != IovaAllocator.NONE;
                    page = allocate(allocator, 1, 1)) {
                pages.add(page);
            }
            assertThat(pages).doesNotHaveDuplicates().hasSize(end - 1);
            assertThat(allocate(allocator, 2, 1)).isEqualTo(IovaAllocator.NONE);
            Collections.shuffle(pages, new Random(lap));
            for (long page : pages) {
                if (lap % 2 == 0) {
                    allocator.free(page, 1);
                } else {
                    allocator.retire(page, 1);
                }
            }
            allocator.rollOver();
            assertThat(allocator.freePages()).isEqualTo(end - 1);
            long half = allocate(allocator, end / 2, end / 2);
            assertThat(half).as("single pages became a long run again").isEqualTo(end / 2);
            assertThat(allocate(allocator, end / 2, 1)).isEqualTo(IovaAllocator.NONE);
            long most = allocate(allocator, end / 2 - 1, 1);
            assertThat(most).isEqualTo(1);
            allocator.free(most, end / 2 - 1);
            allocator.free(half, end / 2);
        }
    }

    @ParameterizedTest
    @CsvSource({"NEXT_FIT,1", "NEXT_FIT,2", "MAGAZINES,1", "MAGAZINES,2"})
    void shouldRefuseAWrongRunAndChangeNothing(IovaAllocation kind, int threads) {
        IovaSpace space = kind.create(1, 5000, threads);
        IovaAllocator allocator = space.open();
        long page = allocate(allocator, 100, 1);
        long other = allocate(allocator, 3, 1);
        long free = space.freePages();
        long[][] wrong = {
            {page + 50, 80},
            {page, 129},
            {0, 1},
            {-1, 1},
            {5000, 1},
            {Long.MAX_VALUE, 2},
            {page, 0},
            {page, -1},
            {4999, 2},
            {1L << 32 | page, 100},
            {page, Integer.MIN_VALUE}
        };
        for (long[] run : wrong) {
            assertThatThrownBy(() -> allocator.free(run[0], (int) run[1]))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> allocator.retire(run[0], (int) run[1]))
                    .isInstanceOf(IllegalArgumentException.class);
        }
        assertThatThrownBy(() -> allocator.allocate(0)).hasMessageContaining("pages=0");
        assertThatThrownBy(() -> allocator.allocate(-5)).hasMessageContaining("pages=-5");
        assertThatThrownBy(() -> allocator.allocate(1, 3)).hasMessageContaining("alignment=3");
        assertThatThrownBy(() -> allocator.allocate(1, 0)).hasMessageContaining("alignment=0");
        assertThat(allocator.allocate(Integer.MAX_VALUE)).isEqualTo(IovaAllocator.NONE);
        assertThat(allocator.allocate(1, 1 << 30)).isEqualTo(IovaAllocator.NONE);
        assertThat(space.freePages()).isEqualTo(free);
        assertThat(allocator.retiredPages()).isZero();

        allocator.free(other, 3);
        assertThatThrownBy(() -> allocator.free(other, 3)).hasMessageContaining("not allocated");
        allocator.retire(page, 100);
        assertThatThrownBy(() -> allocator.retire(page, 100)).hasMessageContaining("not allocated");
        assertThatThrownBy(() -> allocator.free(page, 100)).hasMessageContaining("not allocated");
        allocator.rollOver();
        assertThat(space.freePages()).isEqualTo(4999);
    }

    @ParameterizedTest
    @EnumSource
    void shouldAlignSuperpages(IovaAllocation kind) {
        IovaAllocator allocator = kind.create(1, 256 * 1024, 1).open();
        // Long-lived single pages everywhere do not keep superpages out.
        for (int index = 0; index < 150_000; index++) {
            long page = allocate(allocator, 1, 1);
            if (index % 7 != 0) {
                allocator.free(page, 1);
            }
        }
        int[] sizes = {16, 512, 8192};
        for (int size : sizes) {
            for (int index = 0; index < 4; index++) {
                long page = allocate(allocator, size, size);
                assertThat(page).isPositive();
                assertThat(page % size).isZero();
            }
        }
        assertThat(allocate(allocator, 3, 64) % 64).isZero();
    }

    @Test
    void shouldKeepLongRunsFreeOfSinglePages() {
        IovaAllocator allocator = IovaAllocation.NEXT_FIT.create(1, 256 * 1024, 1).open();
        int single = 0;
        while (single < 190_000) {
            assertThat(allocator.allocate(1)).isLessThan(3 * 64 * 1024 + 512);
            single++;
        }
        assertThat(allocator.allocate(16)).isGreaterThanOrEqualTo(3 * 64 * 1024);
        // Only when its own part is full does either kind go to the other's.
        long page = 0;
        for (; single < 256 * 1024 - 17; single++) {
            page = allocate(allocator, 1, 1);
            assertThat(page).isPositive();
        }
        assertThat(page).isGreaterThan(3 * 64 * 1024);
        assertThat(allocate(allocator, 1, 1)).isEqualTo(IovaAllocator.NONE);
    }

    @ParameterizedTest
    @CsvSource({"NEXT_FIT,1", "MAGAZINES,2"})
    void shouldNotLetOthersHaveWhatIsNotFlushed(IovaAllocation kind, int others) {
        IovaSpace space = kind.create(1, 1025, 1 + others);
        IovaAllocator lazy = space.open();
        IovaAllocator eager = space.open();
        List<Long> pages = new ArrayList<>();
        for (long page = allocate(lazy, 1, 1);
                page != IovaAllocator.NONE;
                page = allocate(lazy, 1, 1)) {
            pages.add(page);
        }
        assertThat(pages).hasSize(1024);
        pages.forEach(page -> lazy.retire(page, 1));
        assertThat(allocate(eager, 1, 1)).isEqualTo(IovaAllocator.NONE);
        eager.rollOver();
        assertThat(allocate(eager, 1, 1)).isEqualTo(IovaAllocator.NONE);
        lazy.rollOver();
        assertThat(allocate(eager, 1, 1)).isPositive();
    }

    private static final int FREE = 0;
    private static final int USED = 1;
    private static final int RETIRED = 2;

    @ParameterizedTest
    @CsvSource({"NEXT_FIT,2", "NEXT_FIT,4", "MAGAZINES,2", "MAGAZINES,4"})
    void shouldGiveARunToOneThreadOnly(IovaAllocation kind, int threads) throws Exception {
        long seed = System.nanoTime();
        int end = 1 + 6000;
        IovaSpace space = kind.create(1, end, threads);
        AtomicIntegerArray states = new AtomicIntegerArray(end);
        ConcurrentLinkedQueue<Run> passed = new ConcurrentLinkedQueue<>();
        IovaAllocator[] allocators = open(space, threads);
        List<Callable<Void>> workers = new ArrayList<>();
        for (int index = 0; index < threads; index++) {
            Worker worker = new Worker(allocators[index], states, passed, new Random(seed + index));
            workers.add(
                    () -> {
                        worker.run();
                        return null;
                    });
        }
        try (ExecutorService executor = Executors.newFixedThreadPool(threads)) {
            for (Future<Void> future : executor.invokeAll(workers)) {
                assertThat(future).as("seed=%d", seed).succeedsWithin(1, TimeUnit.MINUTES);
            }
        }
        for (Run run : passed) {
            allocators[0].free(run.page, run.pages);
        }
        endsEmpty(space, allocators, List.of(), seed);
    }

    /** A thread that allocates, passes runs on to others, and gives back what others passed. */
    private record Worker(
            IovaAllocator allocator,
            AtomicIntegerArray states,
            ConcurrentLinkedQueue<Run> passed,
            Random random) {
        void run() {
            List<Run> retired = new ArrayList<>();
            for (int step = 0; step < 30_000; step++) {
                if (random.nextInt(100) < 52) {
                    int pages = random.nextInt(3) > 0 ? 1 : 1 + random.nextInt(40);
                    int alignment = random.nextInt(5) == 0 ? 1 << random.nextInt(6) : 1;
                    long page = allocator.allocate(pages, alignment);
                    if (page != IovaAllocator.NONE) {
                        assertThat(page % alignment).isZero();
                        move((int) page, pages, FREE, USED);
                        passed.add(new Run((int) page, pages));
                        continue;
                    }
                    retired.forEach(run -> move(run.page, run.pages, RETIRED, FREE));
                    retired.clear();
                    allocator.rollOver();
                }
                Run run = passed.poll();
                if (run != null && random.nextBoolean()) {
                    move(run.page, run.pages, USED, RETIRED);
                    retired.add(run);
                    allocator.retire(run.page, run.pages);
                } else if (run != null) {
                    move(run.page, run.pages, USED, FREE);
                    allocator.free(run.page, run.pages);
                }
            }
            retired.forEach(run -> move(run.page, run.pages, RETIRED, FREE));
            allocator.rollOver();
        }

        private void move(int page, int pages, int from, int to) {
            for (int at = page; at < page + pages; at++) {
                assertThat(states.compareAndSet(at, from, to)).as("page=%d", at).isTrue();
            }
        }
    }
}
