package dev.outboard.perf.dmaperf;

import static dev.outboard.perf.report.TextTable.NONE;
import static dev.outboard.perf.report.TextTable.number;

import dev.outboard.perf.report.TextTable;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Figures as a table for people. Stateless. */
final class Rows {
    private static final TextTable TABLE =
            new TextTable(
                    List.of(
                            "format",
                            "strategy",
                            "owner",
                            "threads",
                            "pages",
                            "fill",
                            "batch",
                            "map ns",
                            "unmap ns",
                            "both ns",
                            "quarters",
                            "IOTLB miss",
                            "flushes/1k",
                            "window",
                            "window ms",
                            "stated",
                            "stated ms"),
                    Set.of(0, 1, 2));

    private Rows() {}

    /** The table, one line after the other. */
    static List<String> table(List<Map<String, Object>> rows) {
        return TABLE.format(rows.stream().map(Rows::cells).toList());
    }

    private static List<String> cells(Map<String, Object> row) {
        double map = decimal(row, Measured.MAP);
        double unmap = decimal(row, Measured.UNMAP);
        double low = decimal(row, Measured.MAP + "Low") + decimal(row, Measured.UNMAP + "Low");
        double high = decimal(row, Measured.MAP + "High") + decimal(row, Measured.UNMAP + "High");
        boolean isOff = row.get(Measured.WINDOW_ENTRIES) == null;
        return List.of(
                text(row, Measured.FORMAT),
                text(row, Measured.STRATEGY),
                text(row, Measured.OWNER),
                text(row, Measured.THREADS),
                text(row, Measured.PAGES),
                text(row, Measured.FILL) + " %",
                text(row, Measured.BATCH),
                number("%.1f", map),
                number("%.1f", unmap),
                number("%.1f", map + unmap),
                number("%.1f", low) + "-" + number("%.1f", high),
                number("%.1f %%", 100 * decimal(row, Measured.MISS_RATE)),
                isOff
                        ? NONE
                        : number(
                                "%.2f",
                                1e3 * decimal(row, Measured.FLUSHES) / decimal(row, Measured.MAPS)),
                isOff ? "all" : number("%,.0f", decimal(row, Measured.WINDOW_ENTRIES)),
                isOff ? "always" : number("%,.3f", decimal(row, Measured.WINDOW_NANOS) / 1e6),
                stated(row, Measured.STATED_ENTRIES, "%,.0f", 1),
                stated(row, Measured.STATED_NANOS, "%,.3f", 1e6));
    }

    private static String stated(Map<String, Object> row, String name, String format, double unit) {
        return row.get(name) == null ? "open" : number(format, decimal(row, name) / unit);
    }

    /** A figure of a row, or NaN where it has none. */
    static double decimal(Map<String, Object> row, String name) {
        return row.get(name) instanceof Number number ? number.doubleValue() : Double.NaN;
    }

    /** A text of a row, or a number as text. */
    static String text(Map<String, Object> row, String name) {
        return String.valueOf(row.get(name));
    }
}
