package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.event.Event;
import org.junit.jupiter.api.Test;

/** The micro-benchmarks run from what was packaged; their figures are not judged here. */
class BenchIT extends ProcessTest {
    @Test
    void shouldRunABenchmarkInAForkOnTheSameModulePath() {
        var bench = run("bench", "TranslateBenchmark.hit", "--quick", "--json");
        assertThat(bench.exitCode()).as(bench.process().errorOutput()).isZero();
        assertThat(bench.process().events())
                .filteredOn(event -> event.name().equals(Event.RESULT))
                .singleElement()
                .satisfies(
                        event -> {
                            assertThat(event.text("benchmark")).isEqualTo("TranslateBenchmark.hit");
                            assertThat(event.decimal("score")).isPositive();
                        });
    }

    @Test
    void shouldSayThatNoBenchmarkHasThisName() {
        var bench = run("bench", "NoSuchBenchmark");
        assertThat(bench.exitCode()).isNotZero();
        assertThat(bench.complaint()).singleElement().asString().contains("NoSuchBenchmark");
    }
}
