package dev.outboard.perf.demo;

import static dev.outboard.perf.report.TextTable.NONE;
import static dev.outboard.perf.report.TextTable.number;

import dev.outboard.perf.report.TextTable;
import java.util.List;
import java.util.Set;

/** Rows as a table for people. Stateless. */
final class Table {
    private static final TextTable TABLE =
            new TextTable(
                    List.of(
                            "test",
                            "bytes",
                            "iommu",
                            "strategy",
                            "owner",
                            "Mb/s",
                            "of off",
                            "op/s",
                            "driver CPU",
                            "µs/KiB",
                            "of off",
                            "device CPU",
                            "IOTLB hits",
                            "faults",
                            "window",
                            "window ms",
                            "verified"),
                    Set.of(0, 2, 3, 4));

    private Table() {}

    /** The table, one line after the other. */
    static List<String> format(List<Row> rows) {
        return TABLE.format(rows.stream().map(Table::cells).toList());
    }

    private static List<String> cells(Row row) {
        return List.of(
                row.test(),
                Long.toString(row.sizeBytes()),
                row.setting().iommu(),
                row.setting().strategy(),
                row.setting().owner(),
                number("%,.0f", row.throughputMbps()),
                detail("%.3f", row, "throughputOfOff"),
                number("%,.0f", row.operationsPerSecond()),
                number("%.0f %%", row.driverCpuPercent()),
                detail("%.3f", row, "driverMicrosPerKiB"),
                detail("%.3f", row, "driverCpuPerByteOfOff"),
                number("%.0f %%", row.deviceCpuPercent()),
                row.iotlbHitRate() == null ? NONE : number("%.2f %%", 100 * row.iotlbHitRate()),
                Long.toString(row.faults()),
                row.windowEntries() == null ? "all" : "%,d".formatted(row.windowEntries()),
                row.windowNanos() == null ? "always" : number("%,.1f", row.windowNanos() / 1e6),
                row.verified() ? "yes" : "NO");
    }

    private static String detail(String format, Row row, String name) {
        return row.details().get(name) instanceof Double value ? number(format, value) : NONE;
    }
}
