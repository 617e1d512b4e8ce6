package dev.outboard.perf.poolperf;

import dev.outboard.dma.pool.PoolLevels;
import dev.outboard.dma.pool.PoolMarks;
import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.UsageException;
import java.awt.BasicStroke;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** The levels of a pool over time, with its marks; below, refusals and slow-downs. Stateless. */
final class Picture {
    private static final int WIDTH = 1100;
    private static final int HEIGHT = 420;
    private static final double SECOND = TimeUnit.SECONDS.toNanos(1);
    private static final float[] DASHES = {6, 4};

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
    static void draw(PoolRun.Result result, Path file) {
        // Nothing is shown on a screen, and there may be none.
        System.setProperty("java.awt.headless", "true");
        try {
            BitmapEncoder.saveBitmap(
                    List.of(levels(result), troubles(result)),
                    2,
                    1,
                    file.toString(),
                    BitmapEncoder.BitmapFormat.PNG);
        } catch (IOException e) {
            throw new CommandException(
                    "the picture cannot be written to " + file + ": " + e.getMessage(), e);
        }
    }

    private static XYChart levels(PoolRun.Result result) {
        var samples = result.levels();
        var chart = chart("free pages of the pool", "pages");
        double[] at = times(samples);
        add(chart, "level", at, values(samples, Picture::level), Color.LIGHT_GRAY);
        add(chart, "lowest since the last", at, values(samples, Picture::lowest), Color.BLUE);
        PoolMarks marks = result.pool().marks();
        addMark(chart, "high mark", at, marks.high(), Color.GRAY);
        addMark(chart, "low mark", at, marks.low(), Color.ORANGE);
        addMark(chart, "reserve", at, marks.reserve(), Color.RED);
        return chart;
    }

    private static double level(PoolLevels.Sample sample) {
        return sample.level();
    }

    private static double lowest(PoolLevels.Sample sample) {
        return sample.lowest();
    }

    private static XYChart troubles(PoolRun.Result result) {
        var samples = result.levels();
        var chart = chart("so far: pages refused, takers slowed down", "times");
        double[] at = times(samples);
        add(
                chart,
                "refusals, may not block",
                at,
                values(samples, sample -> sample.refusals()),
                Color.RED);
        add(
                chart,
                "slow-downs, may sleep",
                at,
                values(samples, sample -> sample.slowDowns()),
                Color.ORANGE);
        return chart;
    }

    private static double[] times(List<PoolLevels.Sample> samples) {
        return samples.stream().mapToDouble(sample -> sample.nanos() / SECOND).toArray();
    }

    private static double[] values(
            List<PoolLevels.Sample> samples,
            java.util.function.ToDoubleFunction<PoolLevels.Sample> figure) {
        return samples.stream().mapToDouble(figure).toArray();
    }

    private static XYChart chart(String title, String unit) {
        var chart =
                new XYChartBuilder()
                        .width(WIDTH)
                        .height(HEIGHT)
                        .title(title)
                        .xAxisTitle("seconds")
                        .yAxisTitle(unit)
                        .build();
        chart.getStyler().setChartBackgroundColor(Color.WHITE);
        chart.getStyler().setYAxisMin(0.0);
        chart.getStyler().setLegendPosition(Styler.LegendPosition.OutsideE);
        return chart;
    }

    private static void add(XYChart chart, String name, double[] at, double[] values, Color color) {
        chart.addSeries(name, at, values).setMarker(SeriesMarkers.NONE).setLineColor(color);
    }

    private static void addMark(XYChart chart, String name, double[] at, int pages, Color color) {
        var ends = new double[] {at[0], at[at.length - 1]};
        chart.addSeries(name + " (" + pages + ")", ends, new double[] {pages, pages})
                .setMarker(SeriesMarkers.NONE)
                .setLineColor(color)
                .setLineStyle(
                        new BasicStroke(
                                2, BasicStroke.CAP_BUTT, BasicStroke.JOIN_BEVEL, 1, DASHES, 0));
    }
}
