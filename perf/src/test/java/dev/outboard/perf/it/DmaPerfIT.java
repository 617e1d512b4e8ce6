package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What a mapping costs, measured by the processes that a user gets; the figures are not judged. */
class DmaPerfIT extends ProcessTest {
    private static final List<String> FIELDS =
            List.of(
                    "format",
                    "strategy",
                    "owner",
                    "threads",
                    "pages",
                    "fillPercent",
                    "mapNanos",
                    "unmapNanos",
                    "missRate",
                    "flushes",
                    "windowEntries",
                    "windowNanos");

    @Test
    void shouldMeasureEveryPointThatWasSelected() throws IOException {
        var before = outboardProcesses();
        var perf =
                run(
                        "dmaperf",
                        "--strategy",
                        "strict,deferred",
                        "--format",
                        "dart",
                        "--owner",
                        "driver",
                        "--threads",
                        "1",
                        "--pages",
                        "1",
                        "--fill",
                        "0,90",
                        "--seconds",
                        "0.02",
                        "--json");
        assertThat(perf.exitCode()).as(perf.process().errorOutput()).isZero();
        var rows = rows(perf.process().output());
        assertThat(rows).hasSize(4).allSatisfy(row -> assertThat(row).containsKeys(keys()));
        assertThat(rows)
                .allSatisfy(
                        row -> {
                            assertThat((double) row.get("mapNanos")).isPositive();
                            assertThat((double) row.get("unmapNanos")).isPositive();
                            assertThat((double) row.get("missRate")).isBetween(0.0, 1.0);
                            assertThat((double) row.get("flushes")).isNotNegative();
                        });
        assertThat(rows)
                .filteredOn(row -> row.get("strategy").equals("strict"))
                .hasSize(2)
                .allSatisfy(row -> assertThat((double) row.get("windowEntries")).isZero());
        assertThat(rows)
                .filteredOn(row -> row.get("strategy").equals("deferred"))
                .hasSize(2)
                .allSatisfy(row -> assertThat((double) row.get("windowEntries")).isPositive());
        assertThat(outboardProcesses()).as("no process is left").isSubsetOf(before);
    }

    private static String[] keys() {
        return FIELDS.toArray(String[]::new);
    }

    @Test
    void shouldDrawWhatItMeasured() throws IOException {
        var picture = path("costs.png");
        var perf =
                run(
                        "dmaperf",
                        "--strategy",
                        "off,strict",
                        "--format",
                        "calgary",
                        "--owner",
                        "driver",
                        "--threads",
                        "2",
                        "--pages",
                        "1",
                        "--fill",
                        "0",
                        "--seconds",
                        "0.02",
                        "--picture",
                        picture.toString());
        assertThat(perf.exitCode()).as(perf.process().errorOutput()).isZero();
        assertThat(perf.process().output()).contains("strict").contains("map ns");
        assertThat(Files.readAllBytes(picture)).startsWith(0x89, 'P', 'N', 'G');
    }

    @Test
    void shouldRefuseWhatCannotBeMeasured() {
        refuse("--format tardis", "dmaperf", "--format", "tardis");
        refuse("--strategy prayer", "dmaperf", "--strategy", "prayer");
        refuse("--owner nobody", "dmaperf", "--owner", "nobody");
        refuse("--fill 100", "dmaperf", "--fill", "100");
        refuse("--pages 0", "dmaperf", "--pages", "0");
        refuse("--seconds 0", "dmaperf", "--seconds", "0");
        refuse("--allocator miser", "dmaperf", "--allocator", "miser");
        refuse("--device asleep", "dmaperf", "--device", "asleep");
        refuse("ends in .png", "dmaperf", "--picture", path("costs.bmp").toString());
    }

    private void refuse(String complaint, String... words) {
        var ended = run(words);
        assertThat(ended.exitCode()).isEqualTo(2);
        assertThat(ended.complaint()).singleElement().asString().contains(complaint);
    }

    /** An array of flat objects; every number is a double. */
    private static List<Map<String, Object>> rows(String json) throws IOException {
        var rows = new ArrayList<Map<String, Object>>();
        try (var parser = new JsonFactory().createParser(json)) {
            assertThat(parser.nextToken()).isEqualTo(JsonToken.START_ARRAY);
            while (parser.nextToken() == JsonToken.START_OBJECT) {
                var row = new LinkedHashMap<String, Object>();
                while (parser.nextToken() == JsonToken.FIELD_NAME) {
                    var name = parser.currentName();
                    var value = parser.nextToken();
                    row.put(
                            name,
                            value == JsonToken.VALUE_NULL
                                    ? null
                                    : value.isNumeric()
                                            ? (Object) parser.getDoubleValue()
                                            : parser.getText());
                }
                rows.add(row);
            }
            assertThat(parser.currentToken()).isEqualTo(JsonToken.END_ARRAY);
        }
        return rows;
    }
}
