package dev.outboard.perf.dmaperf;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class BarTest {
    private static Map<String, Object> row(
            String format, String strategy, String owner, int fill, int batch, double nanos) {
        var row = new LinkedHashMap<String, Object>();
        row.put(Measured.FORMAT, format);
        row.put(Measured.STRATEGY, strategy);
        row.put(Measured.OWNER, owner);
        row.put(Measured.THREADS, 1L);
        row.put(Measured.PAGES, 1L);
        row.put(Measured.FILL, (long) fill);
        row.put(Measured.BATCH, (long) batch);
        row.put(Measured.MAP, nanos / 2);
        row.put(Measured.UNMAP, nanos / 2);
        return row;
    }

    private static Bar bar(List<Map<String, Object>> rows, String part) {
        return Bar.judge(rows).stream()
                .filter(bar -> bar.what().contains(part))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void shouldMeetABarAtItsLimitAndMissItAbove() {
        assertThat(bar(List.of(row("dart", "deferred", "driver", 0, 1, 15)), "deferred").isMet())
                .isTrue();
        assertThat(bar(List.of(row("dart", "deferred", "driver", 0, 1, 15.1)), "deferred").isMet())
                .isFalse();
    }

    @Test
    void shouldNotMeetABarThatWasNotMeasured() {
        var bar = bar(List.of(row("dart", "strict", "driver", 0, 1, 1)), "deferred");
        assertThat(bar.isMeasured()).isFalse();
        assertThat(bar.isMet()).isFalse();
        assertThat(bar.describe()).contains("unknown").contains("not measured");
    }

    @Test
    void shouldNotJudgeADeepTableByTheBarOfFlatOnes() {
        var rows = List.of(row("vtd", "deferred", "driver", 0, 1, 90));
        assertThat(bar(rows, "deferred").isMeasured()).isFalse();
    }

    @Test
    void shouldCompareAFullSpaceOnlyWithTheEmptyOneOfTheSameKind() {
        var rows =
                List.of(
                        row("dart", "strict", "driver", 0, 1, 20),
                        row("dart", "strict", "driver", 99, 1, 30),
                        row("dart", "deferred", "driver", 99, 1, 900));
        assertThat(bar(rows, "step").measured()).isEqualTo(1.5);
    }
}
