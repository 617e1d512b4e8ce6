package dev.outboard.perf.dmaperf;

import dev.outboard.dma.Strategy;
import dev.outboard.host.cli.UsageException;
import dev.outboard.iommu.IovaAllocation;
import dev.outboard.iommu.TableFormat;
import dev.outboard.perf.setup.Names;
import dev.outboard.perf.setup.Owner;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import picocli.CommandLine.Option;

/** What is measured, as the user wrote it. */
final class Selection {
    private static final int MOST_THREADS = 16;
    private static final int MOST_PAGES = 2048;
    private static final int MOST_FILL = 99;
    private static final int MOST_BATCH = 256;
    private static final double MOST_SECONDS = 60;
    private static final double LEAST_SECONDS = 0.01;

    @Option(
            names = "--format",
            paramLabel = "NAME,...",
            description = "Only these table formats. Default: all.")
    private String formats;

    @Option(
            names = "--strategy",
            paramLabel = "NAME,...",
            description = "Only these strategies. Default: all.")
    private String strategies;

    @Option(
            names = "--owner",
            paramLabel = "NAME,...",
            description = "Only these owners of the IOMMU: driver, mediator. Default: both.")
    private String owners;

    @Option(
            names = "--threads",
            paramLabel = "N,...",
            description = "Mapping threads, each with a service of its own. Default: 1,2.")
    private String threads;

    @Option(
            names = "--pages",
            paramLabel = "N,...",
            description = "Pages of a mapping. Default: 1,16,512.")
    private String pages;

    @Option(
            names = "--fill",
            paramLabel = "PERCENT,...",
            description =
                    "How much of the IOVA space other live mappings hold, with the gaps at random."
                            + " Default: 0,50,90,99.")
    private String fills;

    @Option(
            names = "--batch",
            paramLabel = "N,...",
            description = "Mappings made by one call. Default: 1, and 32 for the strategy batched.")
    private String batches;

    @Option(
            names = "--allocator",
            paramLabel = "next-fit|magazines",
            defaultValue = "next-fit",
            description = "What hands out IOVA. Default: ${DEFAULT-VALUE}.")
    private String allocator;

    @Option(
            names = "--seconds",
            paramLabel = "S",
            description = "Measure each figure for so long. Default: 0.25, with --quick 0.1.")
    private Double seconds;

    @Option(
            names = "--device",
            paramLabel = "quiet|busy",
            defaultValue = "quiet",
            description =
                    "What the device does meanwhile: sleeps outside DMA sections, or is in and out"
                            + " of them all the time. Default: ${DEFAULT-VALUE}.")
    private String device;

    @Option(names = "--quick", description = "A telling part of it, in less than half a minute.")
    private boolean quick;

    boolean isQuick() {
        return quick;
    }

    IovaAllocation allocator() {
        return Names.constant(IovaAllocation.class, "--allocator", allocator);
    }

    boolean isDeviceBusy() {
        if (!device.equals("busy") && !device.equals("quiet")) {
            throw new UsageException("--device " + device + ": take quiet or busy");
        }
        return device.equals("busy");
    }

    double seconds() {
        if (seconds == null) {
            return quick ? 0.1 : 0.25;
        }
        if (!(seconds >= LEAST_SECONDS && seconds <= MOST_SECONDS)) {
            throw new UsageException(
                    "--seconds %s is not between %s and %s"
                            .formatted(seconds, LEAST_SECONDS, MOST_SECONDS));
        }
        return seconds;
    }

    List<TableFormat> formats() {
        if (formats == null) {
            // The one that invalidates single entries is what strict is judged by.
            return quick ? List.of(TableFormat.ofTitle("dart")) : TableFormat.all();
        }
        return Names.list("--format", formats, Selection::format);
    }

    private static TableFormat format(String title) {
        try {
            return TableFormat.ofTitle(title);
        } catch (IllegalArgumentException unknown) {
            throw new UsageException("--format " + title + ": " + unknown.getMessage());
        }
    }

    boolean hasStrategies() {
        return strategies != null;
    }

    List<Strategy> strategies() {
        return strategies == null
                ? List.of(Strategy.values())
                : Names.list(
                        "--strategy",
                        strategies,
                        name -> Names.constant(Strategy.class, "--strategy", name));
    }

    boolean hasOwners() {
        return owners != null;
    }

    List<Owner> owners() {
        if (owners == null) {
            return List.of(Owner.DRIVER, Owner.MEDIATOR);
        }
        var chosen =
                Names.list("--owner", owners, name -> Names.constant(Owner.class, "--owner", name));
        if (chosen.contains(Owner.NONE)) {
            throw new UsageException("--owner none: take --strategy off, which has no owner");
        }
        return chosen;
    }

    List<Integer> threads() {
        return numbers("--threads", threads, quick ? List.of(1) : List.of(1, 2), 1, MOST_THREADS);
    }

    List<Integer> pages() {
        return numbers("--pages", pages, quick ? List.of(1) : List.of(1, 16, 512), 1, MOST_PAGES);
    }

    List<Integer> fills() {
        return numbers(
                "--fill", fills, quick ? List.of(0, 99) : List.of(0, 50, 90, 99), 0, MOST_FILL);
    }

    List<Integer> batches(Strategy strategy) {
        var usual = List.of(strategy == Strategy.BATCHED ? 32 : 1);
        return numbers("--batch", batches, usual, 1, MOST_BATCH);
    }

    private static List<Integer> numbers(
            String option, String written, List<Integer> usual, int least, int most) {
        return written == null
                ? usual
                : Names.list(option, written, item -> Names.number(option, item, least, most));
    }

    /** The points of a group: fill levels only where a mapping takes IOVA. */
    List<Point> points(Strategy strategy) {
        return pages().stream()
                .flatMap(
                        page ->
                                fills(strategy)
                                        .mapToObj(fill -> fill)
                                        .flatMap(fill -> points(strategy, page, fill)))
                .toList();
    }

    private Stream<Point> points(Strategy strategy, int page, int fill) {
        return batches(strategy).stream().map(batch -> new Point(page, fill, batch));
    }

    private IntStream fills(Strategy strategy) {
        return fills().stream()
                .mapToInt(Integer::intValue)
                .filter(fill -> fill == 0 || Plan.takesIova(strategy));
    }
}
