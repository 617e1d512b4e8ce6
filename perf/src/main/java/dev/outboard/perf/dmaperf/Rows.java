package dev.outboard.perf.dmaperf;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Figures as a table for people and as JSON for machines. Stateless. */
final class Rows {
    private static final String NONE = "-";
    private static final List<String> TITLES =
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
                    "stated ms");
    private static final List<Integer> LEFT = List.of(0, 1, 2);

    private Rows() {}

    /** An array of one object a row. */
    static String toJson(List<Map<String, Object>> rows) {
        var text = new StringWriter();
        try (var json = new JsonFactory().createGenerator(text)) {
            json.setPrettyPrinter(new DefaultPrettyPrinter());
            json.writeStartArray();
            for (var row : rows) {
                json.writeStartObject();
                for (var field : row.entrySet()) {
                    write(json, field.getKey(), field.getValue());
                }
                json.writeEndObject();
            }
            json.writeEndArray();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return text.append('\n').toString();
    }

    private static void write(JsonGenerator json, String name, Object value) throws IOException {
        switch (value) {
            case null -> json.writeNullField(name);
            case Double number -> json.writeNumberField(name, number);
            case Number number -> json.writeNumberField(name, number.longValue());
            default -> json.writeStringField(name, value.toString());
        }
    }

    /** The table, one line after the other. */
    static List<String> table(List<Map<String, Object>> rows) {
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
        lines.add(1, "-".repeat(lines.getFirst().length()));
        return lines;
    }

    private static String line(List<String> cells, int[] widths) {
        var line = new StringBuilder();
        for (int i = 0; i < widths.length; i++) {
            var pad = " ".repeat(widths[i] - cells.get(i).length());
            line.append(i == 0 ? "" : "  ");
            line.append(LEFT.contains(i) ? cells.get(i) + pad : pad + cells.get(i));
        }
        return line.toString().stripTrailing();
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

    private static String number(String format, double value) {
        return Double.isNaN(value) ? NONE : String.format(Locale.ROOT, format, value);
    }
}
