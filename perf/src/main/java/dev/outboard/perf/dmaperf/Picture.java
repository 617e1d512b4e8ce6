package dev.outboard.perf.dmaperf;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.UsageException;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.style.Styler;

/**
 * Figures as a picture: above, what a page costs by strategy; below, how the cost goes with the
 * fill level. Stateless.
 */
final class Picture {
    private static final int WIDTH = 1000;
    private static final int HEIGHT = 520;

    private static final double LEAST_NANOS = 1;

    private Picture() {}

    /** Refuses a file that cannot be written, before anything is measured. */
    static void requireWritable(Path file) {
        if (file == null) {
            return;
        }
        var folder = file.toAbsolutePath().getParent();
        if (!file.toString().endsWith(".png")) {
            throw new UsageException("--picture " + file + ": name a file that ends in .png");
        }
        if (folder == null || !Files.isDirectory(folder) || !Files.isWritable(folder)) {
            throw new UsageException(
                    "--picture " + file + ": there is no folder " + folder + " to write to");
        }
    }

    /** Draws; a file of that name is replaced. */
    static void draw(List<Map<String, Object>> rows, Path file) {
        // Nothing is shown on a screen, and there may be none.
        System.setProperty("java.awt.headless", "true");
        var charts = new ArrayList<CategoryChart>();
        charts.add(
                chart(
                        "map + unmap of one page, empty IOVA space, one thread",
                        "strategy",
                        bySeries(rows, Measured.STRATEGY, row -> isPlain(row, 0))));
        charts.add(
                chart(
                        "map + unmap of one page by fill level, one thread",
                        "% of the IOVA space that other mappings hold",
                        bySeries(rows, Measured.FILL, row -> isPlain(row, -1))));
        try {
            BitmapEncoder.saveBitmap(
                    charts, charts.size(), 1, file.toString(), BitmapEncoder.BitmapFormat.PNG);
        } catch (IOException e) {
            throw new CommandException(
                    "the picture cannot be written to " + file + ": " + e.getMessage(), e);
        }
    }

    private static boolean isPlain(Map<String, Object> row, int fill) {
        return Rows.decimal(row, Measured.PAGES) == 1
                && Rows.decimal(row, Measured.THREADS) == 1
                && (fill < 0 || Rows.decimal(row, Measured.FILL) == fill);
    }

    /** A figure for each name of a series and each place on the axis. */
    private static Map<String, Map<String, Double>> bySeries(
            List<Map<String, Object>> rows,
            String axis,
            java.util.function.Predicate<Map<String, Object>> about) {
        var series = new LinkedHashMap<String, Map<String, Double>>();
        for (var row : rows) {
            if (about.test(row)) {
                var name =
                        axis.equals(Measured.STRATEGY)
                                ? Rows.text(row, Measured.FORMAT)
                                : Rows.text(row, Measured.FORMAT)
                                        + " "
                                        + Rows.text(row, Measured.STRATEGY);
                series.computeIfAbsent(
                                name + ", " + Rows.text(row, Measured.OWNER),
                                absent -> new LinkedHashMap<>())
                        .put(
                                Rows.text(row, axis),
                                Rows.decimal(row, Measured.MAP)
                                        + Rows.decimal(row, Measured.UNMAP));
            }
        }
        return series;
    }

    private static CategoryChart chart(
            String title, String axis, Map<String, Map<String, Double>> series) {
        var chart =
                new CategoryChartBuilder()
                        .width(WIDTH)
                        .height(HEIGHT)
                        .title(title)
                        .xAxisTitle(axis)
                        .yAxisTitle("ns, median")
                        .build();
        chart.getStyler().setChartBackgroundColor(Color.WHITE);
        chart.getStyler().setYAxisLogarithmic(true);
        chart.getStyler().setYAxisMin(LEAST_NANOS);
        chart.getStyler().setLegendPosition(Styler.LegendPosition.OutsideE);
        var places = new LinkedHashSet<String>();
        series.values().forEach(points -> places.addAll(points.keySet()));
        series.forEach(
                (name, points) -> {
                    // A log axis has no zero: what was not measured has no height.
                    var values =
                            places.stream()
                                    .map(at -> points.getOrDefault(at, LEAST_NANOS))
                                    .toList();
                    chart.addSeries(name, List.copyOf(places), values);
                });
        return chart;
    }
}
