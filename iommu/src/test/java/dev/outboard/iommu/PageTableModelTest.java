package dev.outboard.iommu;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every format and structure against a model: a list of runs, and an array with what each page
 * should give.
 */
final class PageTableModelTest {
    private static final int ROUNDS = 3_000;
    private static final int MOST_RUNS = 200;

    /** What was mapped and not yet cleared. */
    private record Run(long page, long pageFrame, long pages, int access) {
        long end() {
            return page + pages;
        }
    }

    private PageTable table;
    private PageTable walker;
    private Random random;
    private String where;
    private final List<Run> runs = new ArrayList<>();
    private Run[] byGranule;

    static List<String> titles() {
        return TestTables.titles();
    }

    @ParameterizedTest
    @MethodSource("titles")
    void shouldTranslateAsTheModelDoes(String title) {
        long seed = System.nanoTime();
        random = new Random(seed);
        TableFormat format = TableFormat.ofTitle(title);
        try (Arena arena = Arena.ofConfined()) {
            TestTables.Pair pair = TestTables.create(format, arena);
            table = pair.owner();
            walker = pair.walker();
            byGranule = new Run[(int) (table.pages() >>> format.granuleShift())];
            for (int round = 0; round < ROUNDS; round++) {
                where = "%s seed=%d round=%d".formatted(title, seed, round);
                if (runs.isEmpty() || runs.size() < MOST_RUNS && random.nextInt(5) < 3) {
                    mapSomewhere(format);
                } else {
                    clearSomething(format);
                }
            }
            compareEverything(format);
            while (!runs.isEmpty()) {
                clearSomething(format);
            }
            compareEverything(format);
        }
    }

    private void mapSomewhere(TableFormat format) {
        int granuleShift = format.granuleShift();
        int granules = byGranule.length;
        // Mostly short runs, some long; often aligned as larger pages need it, often nearly.
        int count = 1 + random.nextInt(1 << random.nextInt(12));
        int alignment = random.nextInt(19);
        int first = random.nextInt(granules);
        if (random.nextBoolean()) {
            first &= -(1 << alignment);
            count = random.nextBoolean() ? count : 1 << Math.min(alignment, 18);
        }
        if (first + count > granules) {
            return;
        }
        for (int granule = first; granule < first + count; granule++) {
            if (byGranule[granule] != null) {
                return;
            }
        }
        long highest = (format.maxPageFrame() >>> granuleShift) - count;
        long frame = random.nextLong() & Long.MAX_VALUE;
        if (random.nextBoolean()) {
            frame = (frame & -(1L << alignment)) + (first & (1L << alignment) - 1);
        }
        frame %= highest;
        if (random.nextInt(3) > 0) {
            frame = frame & -(1L << alignment) | first & (1L << alignment) - 1;
        }
        frame = Math.min(frame, highest);
        Run run =
                new Run(
                        (long) first << granuleShift,
                        frame << granuleShift,
                        (long) count << granuleShift,
                        1 + random.nextInt(3));
        table.map(run.page, run.pageFrame, run.pages, run.access);
        runs.add(run);
        for (int granule = first; granule < first + count; granule++) {
            byGranule[granule] = run;
        }
        compareAround(format, run);
    }

    private void clearSomething(TableFormat format) {
        Run run = runs.remove(random.nextInt(runs.size()));
        long end = run.end();
        // Sometimes several whole runs that lie side by side, at once.
        Run next = at(format, end);
        while (next != null && random.nextBoolean()) {
            runs.remove(next);
            end = next.end();
            next = at(format, end);
        }
        Run cleared = new Run(run.page, 0, end - run.page, 0);
        table.clear(cleared.page, cleared.pages);
        for (long page = run.page; page < end; page += 1L << format.granuleShift()) {
            byGranule[(int) (page >>> format.granuleShift())] = null;
        }
        compareAround(format, cleared);
    }

    private Run at(TableFormat format, long page) {
        return page < 0 || page >= table.pages()
                ? null
                : byGranule[(int) (page >>> format.granuleShift())];
    }

    /** The ends of a run, its neighbours, and some pages anywhere. */
    private void compareAround(TableFormat format, Run run) {
        for (long page = run.page - 2; page < run.page + 3; page++) {
            compare(format, page);
        }
        for (long page = run.end() - 3; page < run.end() + 2; page++) {
            compare(format, page);
        }
        for (int probe = 0; probe < 20; probe++) {
            compare(format, run.page + (random.nextLong() & Long.MAX_VALUE) % run.pages);
            compare(format, (random.nextLong() & Long.MAX_VALUE) % table.pages());
        }
    }

    private void compareEverything(TableFormat format) {
        long granule = 1L << format.granuleShift();
        for (long page = 0; page < table.pages(); page += granule) {
            compare(format, page);
            compare(format, page + granule - 1);
        }
    }

    private void compare(TableFormat format, long page) {
        long found = walker.walk(page);
        Run run = at(format, page);
        if (run == null) {
            assertThat(found).as("%s page=0x%x", where, page).isEqualTo(Translation.NONE);
            return;
        }
        long expected =
                Translation.of(
                        run.pageFrame + (page - run.page),
                        largestOrder(format, run, page),
                        run.access);
        if (found != expected) {
            assertThat(Long.toHexString(found))
                    .as("%s page=0x%x %s", where, page, run)
                    .isEqualTo(Long.toHexString(expected));
        }
    }

    /** The order of the largest entry that may cover a page of a run, from first principles. */
    private static int largestOrder(TableFormat format, Run run, long page) {
        int largest = format.granuleShift();
        for (int order : TestTables.orders(format)) {
            long entryPage = page & -(1L << order);
            long entryFrame = run.pageFrame + (entryPage - run.page);
            if (entryPage >= run.page
                    && entryPage + (1L << order) <= run.end()
                    && (entryFrame & (1L << order) - 1) == 0) {
                largest = Math.max(largest, order);
            }
        }
        return largest;
    }
}
