package dev.outboard.perf.physperf;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.UsageException;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler;

/**
 * The paper's figures, as pictures in a folder: the structures at 100M look-ups, run by run; what
 * fragments cost; and what the number of look-ups changes. Stateless.
 */
final class Pictures {
    private static final int WIDTH = 900;
    private static final int HEIGHT = 520;

    private Pictures() {}

    /** Refuses a folder that cannot be written to, before anything is measured. */
    static void requireWritable(Path folder) {
        if (folder != null && (!Files.isDirectory(folder) || !Files.isWritable(folder))) {
            throw new UsageException(
                    "--picture " + folder + ": there is no such folder to write to; make it");
        }
    }

    /** Draws what was measured; files of those names are replaced. */
    static List<Path> draw(List<Figure> figures, Path folder) {
        // Nothing is shown on a screen, and there may be none.
        System.setProperty("java.awt.headless", "true");
        var files = new ArrayList<Path>();
        var runs = chart("Figure 1: 100M look-ups in 32 segments", "run", "seconds");
        select(figures, figure -> figure.test().name().equals(LoadTest.LARGEST))
                .forEach(figure -> addRuns(runs, figure));
        save(runs, folder.resolve("figure1.png"), files);
        var fragments = chart("Figure 2: after fragmentation", "segments", "ns a look-up");
        add(fragments, select(figures, figure -> figure.test().isFragmented()), Figure::fragments);
        fragments.getStyler().setXAxisLogarithmic(true);
        fragments.getStyler().setYAxisLogarithmic(true);
        save(fragments, folder.resolve("figure2.png"), files);
        var loads = chart("Figure 3: by the number of look-ups", "look-ups", "ns a look-up");
        add(
                loads,
                select(figures, figure -> !figure.test().isFragmented()),
                figure -> figure.test().lookups());
        loads.getStyler().setXAxisLogarithmic(true);
        save(loads, folder.resolve("figure3.png"), files);
        return files;
    }

    private static List<Figure> select(List<Figure> figures, Predicate<Figure> about) {
        return figures.stream().filter(about).toList();
    }

    private static void addRuns(XYChart chart, Figure figure) {
        var numbers = IntStream.rangeClosed(1, figure.runs().length).asDoubleStream().toArray();
        chart.addSeries(figure.structure().title(), numbers, figure.runs());
    }

    private static void add(
            XYChart chart, List<Figure> figures, java.util.function.ToDoubleFunction<Figure> at) {
        for (var structure : Structure.values()) {
            // A log axis has no place for what noise made negative.
            var points =
                    select(
                            figures,
                            figure -> figure.structure() == structure && figure.nanos() > 0);
            if (!points.isEmpty()) {
                chart.addSeries(
                        structure.title(),
                        points.stream().mapToDouble(at).toArray(),
                        points.stream().mapToDouble(Figure::nanos).toArray());
            }
        }
    }

    private static XYChart chart(String title, String xAxis, String yAxis) {
        var chart =
                new XYChartBuilder()
                        .width(WIDTH)
                        .height(HEIGHT)
                        .title(title)
                        .xAxisTitle(xAxis)
                        .yAxisTitle(yAxis)
                        .build();
        chart.getStyler().setChartBackgroundColor(Color.WHITE);
        chart.getStyler().setLegendPosition(Styler.LegendPosition.OutsideE);
        return chart;
    }

    /** Saves a chart that shows something. */
    private static void save(XYChart chart, Path file, List<Path> files) {
        if (chart.getSeriesCollection().isEmpty()) {
            return;
        }
        try {
            BitmapEncoder.saveBitmap(
                    List.of(chart), 1, 1, file.toString(), BitmapEncoder.BitmapFormat.PNG);
        } catch (IOException e) {
            throw new CommandException(
                    "the picture cannot be written to " + file + ": " + e.getMessage(), e);
        }
        files.add(file);
    }
}
