package dev.outboard.perf.demo;

import dev.outboard.perf.report.Json;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;

/** Rows as JSON, with what one needs to know to judge them. Stateless. */
final class Report {
    private Report() {}

    /** The whole report, on several lines. */
    static String toJson(String command, List<Row> rows, boolean verified, double seconds) {
        var report = new LinkedHashMap<String, Object>();
        report.put("command", command);
        report.put("time", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        report.put("seconds", seconds);
        report.put("machine", Machine.describe());
        report.put("versions", Machine.versions());
        report.put("verified", verified);
        report.put("rows", rows.stream().map(Row::fields).toList());
        return Json.of(report);
    }
}
