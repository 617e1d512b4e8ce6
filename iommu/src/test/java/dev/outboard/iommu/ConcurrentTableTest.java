package dev.outboard.iommu;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Writers and walkers at once: a walk finds the old, the new, or nothing. */
final class ConcurrentTableTest {
    /** Granules that the writer of a test plays with. */
    private static final int REGION = 2048;

    private static final int GENERATIONS = 4_000;

    /** Generations that a frame number tells apart. */
    private static final int FRAMED_GENERATIONS = 512;

    private static final int FINDINGS = 1_000;
    private static final long LIMIT_NANOS = TimeUnit.SECONDS.toNanos(20);

    static List<String> titles() {
        return TestTables.titles();
    }

    /**
     * The frame of a granule tells which granule it was mapped for, and in which generation; the
     * access follows from the generation.
     */
    @ParameterizedTest
    @MethodSource("titles")
    void shouldFindTheOldTheNewOrNothing(String title) throws Exception {
        long seed = System.nanoTime();
        TableFormat format = TableFormat.ofTitle(title);
        AtomicLong mapped = new AtomicLong();
        AtomicLong cleared = new AtomicLong();
        AtomicLong found = new AtomicLong();
        AtomicBoolean done = new AtomicBoolean();
        try (Arena arena = Arena.ofShared();
                ExecutorService walkers = Executors.newFixedThreadPool(1)) {
            TestTables.Pair pair = TestTables.create(format, 8192, arena);
            Walker walker = new Walker(pair.walker(), mapped, cleared, found, seed);
            Future<?> walking = walkers.submit(() -> walker.walkUntil(done));
            try {
                Random random = new Random(seed);
                long deadline = System.nanoTime() + LIMIT_NANOS;
                for (long generation = 1;
                        (generation < GENERATIONS || found.get() < FINDINGS)
                                && !walking.isDone()
                                && System.nanoTime() < deadline;
                        generation++) {
                    mapped.set(generation);
                    write(pair.owner(), random, generation);
                    cleared.set(generation);
                }
            } finally {
                done.set(true);
            }
            result(walking);
            assertThat(found.get()).as("walks that found something").isPositive();
        }
    }

    private static void write(PageTable table, Random random, long generation) {
        int shift = table.format().granuleShift();
        int order = random.nextInt(11);
        long first = random.nextInt(REGION >>> order) << order;
        long count = 1L << order;
        if (random.nextBoolean() && first > 0 && order > 2) {
            first--;
        }
        long frame = generation % FRAMED_GENERATIONS * REGION + first;
        table.map(first << shift, frame << shift, count << shift, access(generation));
        table.clear(first << shift, count << shift);
    }

    private static int access(long generation) {
        return 1 + (int) (generation % FRAMED_GENERATIONS % 3);
    }

    /** Walks about, and knows what may be found. */
    private record Walker(
            PageTable table, AtomicLong mapped, AtomicLong cleared, AtomicLong found, long seed) {
        void walkUntil(AtomicBoolean done) {
            Random random = new Random(seed);
            int shift = table.format().granuleShift();
            while (!done.get()) {
                long granule = random.nextInt(REGION);
                long page = (granule << shift) + random.nextInt(1 << shift);
                long clearedBefore = cleared.get();
                long translation = table.walk(page);
                long mappedAfter = mapped.get();
                if (translation != Translation.NONE) {
                    check(translation, page, clearedBefore, mappedAfter);
                    found.incrementAndGet();
                }
            }
        }

        private void check(long translation, long page, long clearedBefore, long mappedAfter) {
            int shift = table.format().granuleShift();
            long frame = Translation.pageFrame(translation);
            assertThat(frame & (1L << shift) - 1).isEqualTo(page & (1L << shift) - 1);
            assertThat(frame >>> shift & REGION - 1).as("seed=%d", seed).isEqualTo(page >>> shift);
            long generation = (frame >>> shift) / REGION;
            assertThat(Translation.access(translation))
                    .as("seed=%d", seed)
                    .isEqualTo(access(generation));
            // Of the generations that lived at some time of the walk, not of an older one.
            if (mappedAfter - clearedBefore < FRAMED_GENERATIONS) {
                long age = Math.floorMod(mappedAfter - generation, FRAMED_GENERATIONS);
                assertThat(age).as("seed=%d", seed).isLessThan(mappedAfter - clearedBefore);
            }
        }
    }

    private static <T> T result(Future<T> future) throws Exception {
        try {
            return future.get();
        } catch (ExecutionException failure) {
            if (failure.getCause() instanceof AssertionError wrong) {
                throw wrong;
            }
            throw failure;
        }
    }

    /** Writers that own every fourth piece of the table; each must find what it wrote. */
    @ParameterizedTest
    @MethodSource("titles")
    void shouldLetSeveralThreadsWriteAtOnce(String title) throws Exception {
        TableFormat format = TableFormat.ofTitle(title);
        int writers = 4;
        try (Arena arena = Arena.ofShared();
                ExecutorService threads = Executors.newFixedThreadPool(writers)) {
            TestTables.Pair pair = TestTables.create(format, 8192, arena);
            List<Future<Integer>> running = new ArrayList<>();
            for (int writer = 0; writer < writers; writer++) {
                int self = writer;
                running.add(threads.submit(() -> writePieces(pair, self, writers)));
            }
            for (Future<Integer> writer : running) {
                assertThat(result(writer)).isPositive();
            }
            for (long page = 0; page < pair.owner().pages(); page++) {
                assertThat(pair.walker().walk(page)).isEqualTo(Translation.NONE);
            }
        }
    }

    private static int writePieces(TestTables.Pair pair, int self, int writers) {
        Random random = new Random(self);
        int shift = pair.owner().format().granuleShift();
        int pieces = 8192 / 8;
        int written = 0;
        for (int round = 0; round < 20_000; round++) {
            int piece = random.nextInt(pieces / writers) * writers + self;
            long first = piece * 8L + random.nextInt(8);
            long count = 1 + random.nextInt((int) (piece * 8L + 8 - first));
            long frame = random.nextInt(4096) * 8L + (first & 7);
            int access = 1 + random.nextInt(3);
            pair.owner().map(first << shift, frame << shift, count << shift, access);
            for (long granule = 0; granule < count; granule++) {
                long found = pair.walker().walk(first + granule << shift);
                assertThat(Translation.pageFrame(found)).isEqualTo(frame + granule << shift);
                assertThat(Translation.access(found)).isEqualTo(access);
            }
            pair.owner().clear(first << shift, count << shift);
            assertThat(pair.walker().walk(first << shift)).isEqualTo(Translation.NONE);
            written++;
        }
        return written;
    }

    /** Writers whose pages are all in the same few sets: each place is one writer's at a time. */
    @Test
    void shouldGiveEachPlaceOfASetToOneWriter() throws Exception {
        int writers = 4;
        try (Arena arena = Arena.ofShared();
                ExecutorService threads = Executors.newFixedThreadPool(writers)) {
            TestTables.Pair pair = TestTables.create(VhptFormat.INSTANCE, 512, arena);
            List<Future<?>> running = new ArrayList<>();
            for (int writer = 0; writer < writers; writer++) {
                int self = writer;
                running.add(threads.submit(() -> writeToTwoSets(pair, self)));
            }
            for (Future<?> writer : running) {
                result(writer);
            }
        }
    }

    private static void writeToTwoSets(TestTables.Pair pair, int self) {
        for (int round = 0; round < 300_000; round++) {
            // Of 128 sets: the number and its upper bits, exclusive or.
            long page = (long) self << 7 | (8 + (round & 1) ^ self);
            long frame = round * 4L + self;
            pair.owner().map(page, frame, 1, Access.READ_WRITE);
            long found = pair.walker().walk(page);
            if (found != Translation.of(frame, 0, Access.READ_WRITE)) {
                assertThat(found).as("round=%d", round).isEqualTo(frame);
            }
            pair.owner().clear(page, 1);
            if (pair.walker().walk(page) != Translation.NONE) {
                assertThat(round).as("still mapped").isEqualTo(-1);
            }
        }
    }

    /**
     * One place that two pages take in turns: a walk for the first page that meets the second on
     * its way, and the first again at its end, must not give away the second's frame.
     */
    @Test
    void shouldNotMixTwoPagesThatTakeTheSamePlaceInTurns() throws Exception {
        AtomicBoolean done = new AtomicBoolean();
        try (Arena arena = Arena.ofShared();
                ExecutorService walkers = Executors.newFixedThreadPool(1)) {
            TestTables.Pair pair = TestTables.create(VhptFormat.INSTANCE, 512, arena);
            // Of 128 sets, all of these are in set 5; three stay, the fourth place changes hands.
            long[] stay = {5, 128 + 4, 256 + 7};
            for (long page : stay) {
                pair.owner().map(page, page, 1, Access.READ);
            }
            long first = 384 + 6;
            long pair2 = 2 * (5 ^ 37);
            Future<Long> walker =
                    walkers.submit(
                            () -> {
                                long found = 0;
                                while (!done.get()) {
                                    long translation = pair.walker().walk(first);
                                    if (translation != Translation.NONE) {
                                        assertThat(Translation.pageFrame(translation))
                                                .isEqualTo(0xaaaaa);
                                        found++;
                                    }
                                    for (long page : stay) {
                                        assertThat(pair.walker().walk(page))
                                                .isEqualTo(Translation.of(page, 0, Access.READ));
                                    }
                                }
                                return found;
                            });
            try {
                for (int turn = 0; turn < 2_000_000; turn++) {
                    pair.owner().map(first, 0xaaaaa, 1, Access.READ);
                    pair.owner().clear(first, 1);
                    pair.owner().map(pair2, 0xbbbba, 2, Access.READ);
                    pair.owner().clear(pair2, 2);
                }
            } finally {
                done.set(true);
            }
            assertThat(result(walker)).isPositive();
        }
    }
}
