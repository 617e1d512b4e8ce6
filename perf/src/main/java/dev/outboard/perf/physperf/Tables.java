package dev.outboard.perf.physperf;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import dev.outboard.perf.setup.Names;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;

/** Figures as the paper's tables for people, and as JSON for machines. Stateless. */
final class Tables {
    private Tables() {}

    /** Tables 1 to 4, as far as they were measured, one line after the other. */
    static List<String> of(List<Figure> figures) {
        var lines = new ArrayList<String>();
        loads(lines, figures, Structure.RED_BLACK, "Table 1");
        loads(lines, figures, Structure.SORTED_ARRAY, "Table 2");
        loads(lines, figures, Structure.DIRECTORY, "Table 2, shipped");
        compared(lines, figures);
        fragmented(lines, figures);
        return lines;
    }

    private static List<Figure> select(List<Figure> figures, Predicate<Figure> about) {
        return figures.stream().filter(about).toList();
    }

    private static void loads(
            List<String> lines, List<Figure> figures, Structure structure, String title) {
        var rows = new ArrayList<List<String>>();
        rows.add(List.of("look-ups", "average", "minimum", "maximum", "ns each", "drawing, out"));
        for (var figure :
                select(
                        figures,
                        each -> each.structure() == structure && !each.test().isFragmented())) {
            rows.add(cells(List.of(figure.test().name()), figure));
        }
        add(lines, title + ": " + structure.title() + ", 32 segments of 8 frames, seconds", rows);
    }

    private static List<String> cells(List<String> first, Figure figure) {
        var statistics = figure.statistics();
        var cells = new ArrayList<>(first);
        cells.add(seconds(statistics.mean()));
        cells.add(seconds(statistics.minimum()));
        cells.add(seconds(statistics.maximum()));
        cells.add(String.format(Locale.ROOT, "%.2f", figure.nanos()));
        cells.add(seconds(figure.drawSeconds()));
        return cells;
    }

    private static String seconds(double seconds) {
        return String.format(Locale.ROOT, "%.8f", seconds);
    }

    private static void compared(List<String> lines, List<Figure> figures) {
        var largest = select(figures, figure -> figure.test().name().equals(LoadTest.LARGEST));
        var rows = new ArrayList<List<String>>();
        rows.add(List.of("structure", "average", "standard deviation", "margin of error", "runs"));
        for (var figure : largest) {
            var statistics = figure.statistics();
            rows.add(
                    List.of(
                            figure.structure().title(),
                            seconds(statistics.mean()),
                            seconds(statistics.deviation()),
                            "±" + seconds(statistics.margin()),
                            Integer.toString(figure.runs().length)));
        }
        add(lines, "Table 3: 100M look-ups, seconds; margin with 95 % confidence", rows);
    }

    private static void fragmented(List<String> lines, List<Figure> figures) {
        var rows = new ArrayList<List<String>>();
        rows.add(
                List.of(
                        "memory",
                        "structure",
                        "segments",
                        "average",
                        "minimum",
                        "maximum",
                        "ns each",
                        "drawing, out"));
        int lookups = 0;
        for (var figure : select(figures, each -> each.test().isFragmented())) {
            lookups = figure.test().lookups();
            var first =
                    List.of(
                            figure.test().name(),
                            figure.structure().title(),
                            String.format(Locale.ROOT, "%,d", figure.fragments()));
            rows.add(cells(first, figure));
        }
        var title = "Table 4: %,d look-ups, every 8th frame unplugged, seconds";
        add(lines, String.format(Locale.ROOT, title, lookups), rows);
    }

    /** A table, unless there is nothing below its heading. */
    private static void add(List<String> lines, String title, List<List<String>> rows) {
        if (rows.size() == 1) {
            return;
        }
        var widths = new int[rows.getFirst().size()];
        for (var row : rows) {
            for (int at = 0; at < widths.length; at++) {
                widths[at] = Math.max(widths[at], row.get(at).length());
            }
        }
        lines.add(title);
        for (var row : rows) {
            var line = new StringBuilder();
            for (int at = 0; at < widths.length; at++) {
                var pad = " ".repeat(widths[at] - row.get(at).length());
                boolean isText = row.get(at).isEmpty() || Character.isLetter(row.get(at).charAt(0));
                boolean isLeft = at == 0 || isText && rows.indexOf(row) > 0;
                line.append(at == 0 ? "  " : "   ");
                line.append(isLeft ? row.get(at) + pad : pad + row.get(at));
            }
            lines.add(line.toString().stripTrailing());
        }
        lines.add("");
    }

    /** An array of one object a figure. */
    static String toJson(List<Figure> figures) {
        var text = new StringWriter();
        try (var json = new JsonFactory().createGenerator(text)) {
            json.setPrettyPrinter(new DefaultPrettyPrinter());
            json.writeStartArray();
            for (var figure : figures) {
                write(json, figure);
            }
            json.writeEndArray();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return text.append('\n').toString();
    }

    private static void write(JsonGenerator json, Figure figure) throws IOException {
        var statistics = figure.statistics();
        json.writeStartObject();
        json.writeStringField("structure", Names.of(figure.structure()));
        json.writeStringField("test", figure.test().name());
        json.writeNumberField("lookups", figure.test().lookups());
        json.writeNumberField("fragments", figure.fragments());
        json.writeNumberField("runs", figure.runs().length);
        json.writeNumberField("meanSeconds", statistics.mean());
        json.writeNumberField("stddevSeconds", statistics.deviation());
        json.writeNumberField("marginSeconds", statistics.margin());
        json.writeNumberField("minSeconds", statistics.minimum());
        json.writeNumberField("maxSeconds", statistics.maximum());
        json.writeNumberField("drawSeconds", figure.drawSeconds());
        json.writeEndObject();
    }
}
