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

/** What a look-up costs, measured as a user does; the figures are not judged. */
class PhysPerfIT extends ProcessTest {
    @Test
    void shouldMeasureEveryTestOnEveryStructure() throws IOException {
        var perf =
                run("physperf", "--test", "1K,100K,1MiB,4GiB", "--runs", "3", "--quick", "--json");
        assertThat(perf.exitCode()).as(perf.process().errorOutput()).isZero();
        var rows = rows(perf.process().output());
        assertThat(rows).hasSize(12);
        for (var row : rows) {
            assertThat(row)
                    .containsKeys(
                            "structure",
                            "test",
                            "lookups",
                            "fragments",
                            "meanSeconds",
                            "stddevSeconds",
                            "marginSeconds");
            assertThat((double) row.get("meanSeconds")).as("%s", row).isPositive();
            assertThat((double) row.get("stddevSeconds")).isNotNegative();
            assertThat((double) row.get("marginSeconds")).isNotNegative();
        }
        assertThat(rows).extracting("structure").contains("sorted-array", "red-black", "directory");
        assertThat(rows)
                .filteredOn(row -> row.get("test").equals("4GiB"))
                .hasSize(3)
                .allSatisfy(row -> assertThat((double) row.get("fragments")).isEqualTo(131_072));
        assertThat(rows)
                .filteredOn(row -> row.get("test").equals("100K"))
                .allSatisfy(row -> assertThat((double) row.get("lookups")).isEqualTo(100_000))
                .allSatisfy(row -> assertThat((double) row.get("fragments")).isEqualTo(32));
    }

    @Test
    void shouldDrawTheFiguresAndSayWhatTheArrayCannotHold() throws IOException {
        var folder = path("figures");
        Files.createDirectory(folder);
        try {
            var perf =
                    run(
                            "physperf",
                            "--test",
                            "100,1K,1MiB,64MiB",
                            "--runs",
                            "2",
                            "--quick",
                            "--array-capacity",
                            "32",
                            "--picture",
                            folder.toString());
            assertThat(perf.exitCode()).as(perf.process().errorOutput()).isZero();
            assertThat(perf.process().output())
                    .contains("Table 1", "Table 2", "Table 4")
                    .contains("the sorted array holds 32 segments and 64MiB has 2,048");
            for (var name : List.of("figure2.png", "figure3.png")) {
                assertThat(Files.readAllBytes(folder.resolve(name)))
                        .startsWith(0x89, 'P', 'N', 'G');
            }
            assertThat(folder.resolve("figure1.png")).as("100M was not measured").doesNotExist();
        } finally {
            try (var files = Files.list(folder)) {
                for (var file : files.toList()) {
                    Files.delete(file);
                }
            }
        }
    }

    @Test
    void shouldFailACheckThatItCannotJudge() {
        var perf = run("physperf", "--test", "100", "--runs", "1", "--quick", "--check");
        assertThat(perf.exitCode()).isEqualTo(1);
        assertThat(perf.process().output()).contains("not measured in this run");
    }

    @Test
    void shouldRefuseWhatCannotBeMeasured() {
        refuse("--test 3K", "physperf", "--test", "3K");
        refuse("--structure heap", "physperf", "--structure", "heap");
        refuse("--runs 0", "physperf", "--runs", "0");
        refuse("--array-capacity 0", "physperf", "--array-capacity", "0");
        refuse("no such folder", "physperf", "--picture", path("nowhere").toString());
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
                    boolean isNumber = parser.nextToken().isNumeric();
                    row.put(name, isNumber ? (Object) parser.getDoubleValue() : parser.getText());
                }
                rows.add(row);
            }
            assertThat(parser.currentToken()).isEqualTo(JsonToken.END_ARRAY);
        }
        return rows;
    }
}
