package dev.outboard.perf.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Rows of cells in columns, as wide as their widest cell. Immutable.
 *
 * @param titles of the columns
 * @param left the columns that begin at the left, counted from 0: text; numbers end at the right
 */
public record TextTable(List<String> titles, Set<Integer> left) {
    /** What stands where there is no figure. */
    public static final String NONE = "-";

    /** The table, one line after the other: titles, a rule, the rows. */
    public List<String> format(List<List<String>> rows) {
        var cells = new ArrayList<List<String>>();
        cells.add(titles);
        cells.addAll(rows);
        var widths = new int[titles.size()];
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

    private String line(List<String> cells, int[] widths) {
        var line = new StringBuilder();
        for (int i = 0; i < widths.length; i++) {
            var pad = " ".repeat(widths[i] - cells.get(i).length());
            line.append(i == 0 ? "" : "  ");
            line.append(left.contains(i) ? cells.get(i) + pad : pad + cells.get(i));
        }
        return line.toString().stripTrailing();
    }

    /** A figure as a cell; {@link #NONE} for what is no number. */
    public static String number(String format, double value) {
        return Double.isNaN(value) ? NONE : String.format(Locale.ROOT, format, value);
    }
}
