package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.file.Files;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The page pool under a tight loop, as a user measures it; times are not judged. */
class PoolPerfIT extends ProcessTest {
    private static final int MOST_REFUSED_PART = 1_000;

    @Test
    void shouldRefuseNobodyUrgentAgainstATightLoop() throws IOException {
        var before = outboardProcesses();
        var picture = path("levels.png");
        var perf = run("poolperf", "--seconds", "3", "--json", "--picture", picture.toString());
        assertThat(perf.exitCode()).as(perf.process().errorOutput()).isZero();
        var figures = figures(perf.process().output());
        // A thread that refills and gets no processor for longer than the reserve lasts is the
        // machine's doing, and refuses a burst; without the slow-down it is a page in twenty.
        assertThat(figures.get("urgentRefusals"))
                .isLessThan(figures.get("urgentPages") / MOST_REFUSED_PART);
        assertThat(figures.get("urgentPages")).isGreaterThan(64);
        assertThat(figures.get("greedyPages")).isGreaterThan(64);
        assertThat(figures.get("slowDowns")).as("it was slowed down").isPositive();
        assertThat(figures.get("takeNanosP50")).isNotNegative();
        assertThat(figures.get("takeNanosP99"))
                .isBetween(figures.get("takeNanosP50"), figures.get("takeNanosP9999"));
        assertThat(figures.get("lowMark")).isEqualTo(512);
        assertThat(figures.get("highMark")).isEqualTo(4096);
        assertThat(Files.readAllBytes(picture)).startsWith(0x89, 'P', 'N', 'G');
        assertThat(outboardProcesses()).as("no process is left").isSubsetOf(before);
    }

    @Test
    void shouldRefuseTheUrgentWhereNobodyIsSlowedDown() {
        var perf = run("poolperf", "--seconds", "2", "--no-slow-down", "--check");
        assertThat(perf.exitCode()).as("the bar is missed").isEqualTo(1);
        assertThat(perf.process().output()).contains("MISSED").contains("tight loop");
    }

    @Test
    void shouldRefuseWhatCannotBeMeasured() {
        refuse("--seconds 0", "poolperf", "--seconds", "0");
        refuse("--seconds NaN", "poolperf", "--seconds", "NaN");
        refuse("--memory 1", "poolperf", "--memory", "1");
        refuse("ends in .png", "poolperf", "--picture", path("levels.bmp").toString());
        refuse("no folder", "poolperf", "--picture", path("none/levels.png").toString());
    }

    private void refuse(String complaint, String... words) {
        var ended = run(words);
        assertThat(ended.exitCode()).isEqualTo(2);
        assertThat(ended.complaint()).singleElement().asString().contains(complaint);
    }

    /** An array of one flat object of numbers. */
    private static Map<String, Double> figures(String json) throws IOException {
        var figures = new LinkedHashMap<String, Double>();
        try (var parser = new JsonFactory().createParser(json)) {
            assertThat(parser.nextToken()).isEqualTo(JsonToken.START_ARRAY);
            assertThat(parser.nextToken()).isEqualTo(JsonToken.START_OBJECT);
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                var name = parser.currentName();
                parser.nextToken();
                figures.put(name, parser.getDoubleValue());
            }
            assertThat(parser.nextToken()).isEqualTo(JsonToken.END_ARRAY);
        }
        return figures;
    }
}
