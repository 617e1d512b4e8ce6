package dev.outboard.perf.demo;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Rows as a table for people. Stateless. */
final class Table {
    private static final String NONE = "-";
    private static final List<String> TITLES =
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
                    "verified");
    private static final List<Integer> LEFT = List.of(0, 2, 3, 4);

    private Table() {}

    /** The table, one line after the other. */
    static List<String> format(List<Row> rows) {
        var cells = new ArrayList<List<String>>();
        cells.add(TITLES);
        rows.forEach(row -> cells.add(cells(row)));
        var widths = new int[TITLES.size()];
        for (var line : cells) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], line.get(i).length());
            }
        }
        var lines = new ArrayList<String>();
        for (var line : cells) {
            lines.add(line(line, widths));
        }
        int width = lines.getFirst().length();
        lines.add(1, "-".repeat(width));
        return lines;
    }

    private static String line(List<String> cells, int[] widths) {
        var line = new StringBuilder();
        for (int i = 0; i < widths.length; i++) {
            var pad = " ".repeat(widths[i] - cells.get(i).length());
            line.append(i == 0 ? "" : "  ");
            line.append(LEFT.contains(i) ? cells.get(i) + pad : pad + cells.get(i));
        }
        return line.toString();
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

    private static String number(String format, double value) {
        return Double.isNaN(value) ? NONE : String.format(Locale.ROOT, format, value);
    }
}
