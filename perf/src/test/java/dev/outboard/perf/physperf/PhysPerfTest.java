package dev.outboard.perf.physperf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outboard.host.cli.UsageException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is measured is what the paper measured, and what is told of it is right. */
class PhysPerfTest {
    private static final int CAPACITY = 1 << 17;

    private static Figure figure(Structure structure, String test, double seconds) {
        var load = LoadTest.named(test, false);
        return new Figure(
                structure, load, (int) load.segments(), new double[] {seconds, seconds}, 0.1);
    }

    @Test
    void shouldTellTheMeanItsDeviationAndItsMargin() {
        var statistics = Statistics.of(new double[] {1, 2, 3, 6});
        assertThat(statistics.mean()).isEqualTo(3);
        assertThat(statistics.deviation()).isCloseTo(Math.sqrt(14.0 / 4), within(1e-12));
        assertThat(statistics.margin()).isCloseTo(1.96 * Math.sqrt(14.0 / 4) / 2, within(1e-12));
        assertThat(statistics.minimum()).isEqualTo(1);
        assertThat(statistics.maximum()).isEqualTo(6);
        assertThat(Statistics.median(new double[] {5, 1, 3})).isEqualTo(3);
        assertThat(Statistics.median(new double[] {4, 1, 3, 2})).isEqualTo(2.5);
    }

    @ParameterizedTest
    @EnumSource
    void shouldFillEachStructureAsTheTestSays(Structure structure) {
        for (var test : LoadTest.all(true)) {
            var segments = structure.create(CAPACITY);
            assertThat(test.fill(segments)).as("%s in %s", test.name(), structure).isTrue();
            assertThat(segments.count()).isEqualTo((int) test.segments());
            for (long at = 0; at < test.frames(); at += 1 + test.frames() / 5000) {
                boolean isHole = test.isFragmented() && at >= 8 && at % 8 == 0;
                assertThat(segments.find(Loop.FIRST_FRAME + at) < 0).isEqualTo(isHole);
            }
            assertThat(segments.find(Loop.FIRST_FRAME + test.frames())).isNegative();
        }
    }

    @Test
    void shouldNotFillAnArrayBeyondItsCapacity() {
        assertThat(LoadTest.named("1MiB", true).fill(Structure.SORTED_ARRAY.create(32))).isTrue();
        assertThat(LoadTest.named("64MiB", true).fill(Structure.SORTED_ARRAY.create(32))).isFalse();
    }

    @Test
    void shouldDrawEveryFrameAboutAsOften() {
        var drawn = new int[256];
        long state = 1;
        for (int i = 0; i < 256 * 1000; i++) {
            state += Draw.STEP;
            drawn[(int) Draw.below(256, state)]++;
        }
        // Six standard deviations of what chance makes of 1,000.
        assertThat(drawn)
                .satisfies(
                        all -> {
                            for (int often : all) {
                                assertThat(often).isBetween(810, 1190);
                            }
                        });
    }

    @ParameterizedTest
    @EnumSource
    void shouldLookUpWhatItDraws(Structure structure) {
        var test = LoadTest.named("1MiB", true);
        var segments = structure.create(CAPACITY);
        test.fill(segments);
        long expected = 0;
        long state = 7;
        for (int i = 0; i < 1000; i++) {
            state += Draw.STEP;
            expected += segments.find(Loop.FIRST_FRAME + Draw.below(test.frames(), state));
        }
        assertThat(Loop.of(segments).run(1000, 7, test.frames())).isEqualTo(expected);
    }

    @Test
    void shouldJudgeByTheBars() {
        var figures = new ArrayList<Figure>();
        figures.add(figure(Structure.SORTED_ARRAY, "100M", 2));
        figures.add(figure(Structure.DIRECTORY, "100M", 1.99));
        figures.add(figure(Structure.DIRECTORY, "1MiB", 1));
        figures.add(figure(Structure.DIRECTORY, "4GiB", 1.3));
        assertThat(Bar.judge(figures)).hasSize(2).allMatch(Bar::isMet);
        figures.set(1, figure(Structure.DIRECTORY, "100M", 2));
        figures.set(3, figure(Structure.DIRECTORY, "4GiB", 1.31));
        assertThat(Bar.judge(figures)).noneMatch(Bar::isMet).allMatch(Bar::isMeasured);
        assertThat(Bar.judge(figures)).allMatch(bar -> bar.describe().startsWith("MISSED"));
    }

    @Test
    void shouldMeetNoBarThatWasNotMeasured() {
        var figures = List.of(figure(Structure.DIRECTORY, "100M", 1));
        assertThat(Bar.judge(figures)).noneMatch(Bar::isMet).noneMatch(Bar::isMeasured);
        assertThat(Bar.judge(figures)).allMatch(bar -> bar.describe().contains("not measured"));
    }

    @Test
    void shouldPrintTheTablesOfThePaper() {
        var figures = new ArrayList<Figure>();
        for (var structure : Structure.values()) {
            for (var test : LoadTest.all(false)) {
                figures.add(figure(structure, test.name(), 0.5));
            }
        }
        var lines = String.join("\n", Tables.of(figures));
        assertThat(lines)
                .contains("Table 1: red-black tree", "Table 2: sorted array", "Table 3", "Table 4")
                .contains("131,072", "0.50000000");
        assertThat(Tables.of(List.of())).isEmpty();
        assertThat(Tables.toJson(figures)).contains("\"structure\" : \"sorted-array\"");
    }

    @Test
    void shouldRefuseATestThatThereIsNot() {
        assertThatThrownBy(() -> LoadTest.named("2MiB", false))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("--test 2MiB: take 100, 1K");
    }
}
