package dev.outboard.perf.demo;

import java.util.List;
import java.util.Locale;

/** What a run has shown, in a sentence. Stateless. */
final class Verdict {
    private Verdict() {}

    static String of(List<Row> rows, boolean verified) {
        long messages = sum(rows, "receivedMessages");
        long bytes = sum(rows, "receivedBytes");
        long requests = sum(rows, "requests");
        long requestBytes =
                rows.stream().mapToLong(row -> detail(row, "requests") * row.sizeBytes()).sum();
        var counted =
                String.format(
                        Locale.ROOT,
                        "%,d messages (%,.1f MB) and %,d disk requests (%,.1f MB), every byte"
                                + " compared with its source",
                        messages,
                        bytes / 1e6,
                        requests,
                        requestBytes / 1e6);
        if (verified) {
            return "Verified: "
                    + counted
                    + "; none lost, none corrupt, faults: "
                    + faults(rows)
                    + ".";
        }
        var wrong =
                rows.stream()
                        .filter(row -> !row.verified())
                        .map(
                                row ->
                                        "%s %d %s"
                                                .formatted(
                                                        row.test(), row.sizeBytes(), row.setting()))
                        .toList();
        return String.format(
                Locale.ROOT,
                "NOT VERIFIED: %s: %d frames lost, %d frames and %d blocks corrupt, in %s",
                counted,
                sum(rows, "missingFrames"),
                sum(rows, "corruptFrames"),
                sum(rows, "corruptBlocks"),
                wrong);
    }

    private static long faults(List<Row> rows) {
        return rows.stream().mapToLong(Row::faults).sum();
    }

    private static long sum(List<Row> rows, String detail) {
        return rows.stream().mapToLong(row -> detail(row, detail)).sum();
    }

    private static long detail(Row row, String name) {
        return row.details().get(name) instanceof Number number ? number.longValue() : 0;
    }
}
