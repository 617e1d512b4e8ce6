package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The demo as a user runs it. */
class DemoIT extends ProcessTest {
    private static final List<String> FIELDS =
            List.of(
                    "test",
                    "sizeBytes",
                    "iommu",
                    "strategy",
                    "owner",
                    "throughputMbps",
                    "operationsPerSecond",
                    "driverCpuPercent",
                    "deviceCpuPercent",
                    "iotlbHitRate",
                    "faults",
                    "windowEntries",
                    "windowNanos",
                    "verified");

    private Set<Path> foldersBefore;

    @BeforeEach
    void look() throws IOException {
        foldersBefore = workFolders();
    }

    @AfterEach
    void shouldLeaveNeitherProcessesNorFolders() throws IOException {
        assertThat(workFolders()).isEqualTo(foldersBefore);
        assertThat(outboardProcesses()).isEmpty();
    }

    @Test
    void shouldVerifyEverythingAndReportIt() throws IOException {
        var report = path("report.json");
        var demo = run("demo", "--quick", "--seconds", "0.1", "--output", report.toString());
        assertThat(demo.exitCode()).as(demo.process().errorOutput()).isZero();
        var rows = rows(report);
        assertThat(rows).hasSizeGreaterThan(10);
        for (var row : rows) {
            assertThat(row).as(row.toString()).containsKeys(FIELDS.toArray(String[]::new));
            assertThat(row).containsEntry("verified", true).containsEntry("faults", 0L);
            assertThat(((Number) row.get("throughputMbps")).doubleValue()).isPositive();
        }
        assertThat(rows.stream().map(row -> row.get("strategy")).collect(Collectors.toSet()))
                .containsExactlyInAnyOrder("off", "strict", "deferred", "batched");
        for (var row : rows) {
            if (row.get("strategy").equals("strict")) {
                assertThat(row).containsEntry("windowEntries", 0L);
            }
        }
        assertThat(demo.process().output())
                .contains("Verified:")
                .contains("every byte compared with its source")
                .contains("none lost, none corrupt");
    }

    @Test
    void shouldStopCleanlyWhenInterrupted() throws Exception {
        var report = path("report.json");
        var demo = outboard("demo", "demo", "--seconds", "5", "--output", report.toString());
        // Until drivers and devices run.
        long deadline = System.nanoTime() + LIMIT.toNanos();
        while (outboardProcesses().size() < 4 && System.nanoTime() < deadline) {
            Thread.sleep(50);
        }
        Thread.sleep(500);
        new ProcessBuilder("kill", "-INT", Long.toString(demo.pid())).start().waitFor();
        assertThat(demo.awaitExit(LIMIT)).isNotZero();
        assertThat(demo.errorOutput().lines().filter(line -> line.startsWith("outboard:")))
                .singleElement()
                .asString()
                .contains("stopped before it was done");
        assertThat(report).doesNotExist();
    }

    @Test
    void shouldTakeItsProcessesWithItWhenKilled() throws Exception {
        var demo = outboard("demo", "demo", "--seconds", "5", "--output", path("r").toString());
        long deadline = System.nanoTime() + LIMIT.toNanos();
        while (outboardProcesses().size() < 4 && System.nanoTime() < deadline) {
            Thread.sleep(50);
        }
        demo.kill();
        demo.awaitExit(LIMIT);
        while (!outboardProcesses().isEmpty() && System.nanoTime() < deadline) {
            Thread.sleep(20);
        }
        assertThat(outboardProcesses()).isEmpty();
        // Nobody is left to remove its folder: that is what kill -9 costs.
        for (var left : workFolders()) {
            if (!foldersBefore.contains(left)) {
                removeAll(left);
            }
        }
    }

    @Test
    void shouldRefuseAReportThatCannotBeWritten() {
        var demo = run("demo", "--output", path("missing").resolve("report.json").toString());
        assertThat(demo.exitCode()).isEqualTo(2);
        assertThat(demo.complaint()).singleElement().asString().contains("there is no folder");
    }

    @Test
    void shouldRefuseATimeThatMakesNoSense() {
        var demo = run("demo", "--seconds", "-1");
        assertThat(demo.exitCode()).isEqualTo(2);
        assertThat(demo.complaint()).singleElement().asString().contains("--seconds -1");
    }

    private static void removeAll(Path folder) throws IOException {
        try (var files = Files.list(folder)) {
            for (var file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(folder);
    }

    private static Set<Path> workFolders() throws IOException {
        try (var files = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
            return files.filter(file -> file.getFileName().toString().startsWith("outboard-demo-"))
                    .collect(Collectors.toSet());
        }
    }

    /** A report's rows, read by somebody else's parser. */
    static List<Map<String, Object>> rows(Path report) throws IOException {
        var rows = new java.util.ArrayList<Map<String, Object>>();
        try (var json = new JsonFactory().createParser(report.toFile())) {
            while (json.nextToken() != null) {
                if (json.currentToken() == JsonToken.FIELD_NAME
                        && json.currentName().equals("rows")) {
                    json.nextToken();
                    while (json.nextToken() == JsonToken.START_OBJECT) {
                        rows.add(row(json));
                    }
                }
            }
        }
        return rows;
    }

    private static Map<String, Object> row(com.fasterxml.jackson.core.JsonParser json)
            throws IOException {
        var row = new java.util.LinkedHashMap<String, Object>();
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            var name = json.currentName();
            Object value =
                    switch (json.nextToken()) {
                        case VALUE_NULL -> null;
                        case VALUE_TRUE -> true;
                        case VALUE_FALSE -> false;
                        case VALUE_NUMBER_INT -> json.getLongValue();
                        case VALUE_NUMBER_FLOAT -> json.getDoubleValue();
                        case VALUE_STRING -> json.getText();
                        default -> throw new AssertionError("a row holds only simple values");
                    };
            row.put(name, value);
        }
        return row;
    }
}
