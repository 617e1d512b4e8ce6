package dev.outboard.host.device;

import dev.outboard.host.cli.UsageException;
import dev.outboard.host.event.Event;
import dev.outboard.models.DiskModel;
import dev.outboard.models.DiskOptions;
import dev.outboard.models.DiskStatistics;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code outboard device disk}: a block device over a file. */
@Command(
        name = "disk",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        description =
                "Runs a disk: a virtio block device over a raw file. "
                        + "With --iommu unix:PATH, the path that its driver has after --iommu, "
                        + "every DMA of the "
                        + "disk goes through that driver's IOMMU.")
final class DiskCommand implements Callable<Integer> {
    private static final String UNIX = "unix:";

    @Mixin private ModelOptions common;

    @Option(
            names = {"--socket", "--port"},
            required = true,
            paramLabel = "PATH[,iommu=PATH][,name=NAME]",
            description = "Where a driver connects.")
    private String port;

    @Option(
            names = "--file",
            required = true,
            paramLabel = "FILE",
            description = "The disk's content: a raw file of whole sectors of 512 bytes.")
    private Path file;

    @Option(
            names = "--iommu",
            paramLabel = "unix:PATH",
            description = "As iommu=PATH. Default: no IOMMU.")
    private String iommu;

    @Option(names = "--read-only", description = "Refuse writes.")
    private boolean readOnly;

    @Option(
            names = "--queues",
            defaultValue = "1",
            paramLabel = "N",
            description = "How many queues it has. Default: ${DEFAULT-VALUE}.")
    private int queues;

    @Option(
            names = "--name",
            paramLabel = "NAME",
            description = "As name=NAME, by which it attaches to its IOMMU. Default: its socket's.")
    private String name;

    @Override
    public Integer call() {
        var options = options();
        var output = common.output();
        common.pin();
        try (var model = new DiskModel(options)) {
            ModelHost.run(
                    "ob-" + options.name(),
                    model,
                    () ->
                            output.say(
                                    readyText(options),
                                    ModelOptions.ready(
                                            options.name(), options.socket(), options.iommu())));
            var statistics = model.statistics();
            output.say(text(options, statistics), event(options, statistics));
        }
        return 0;
    }

    private DiskOptions options() {
        try {
            var place = ModelOptions.port(port);
            return DiskOptions.of(place.socket(), file)
                    .withName(name == null ? place.name() : name)
                    .withIommu(iommu == null ? place.iommu() : owner())
                    .withReadOnly(readOnly)
                    .withQueues(queues)
                    .withWaiting(common.waiting());
        } catch (IllegalArgumentException e) {
            throw new UsageException(e.getMessage());
        }
    }

    private Path owner() {
        if (!iommu.startsWith(UNIX) || iommu.length() == UNIX.length()) {
            throw new UsageException("--iommu " + iommu + ": write unix:PATH");
        }
        return Path.of(iommu.substring(UNIX.length()));
    }

    private static String readyText(DiskOptions options) {
        return "disk %s at %s over %s, %s, queues %d, IOMMU %s"
                .formatted(
                        options.name(),
                        options.socket(),
                        options.file(),
                        options.readOnly() ? "read-only" : "writable",
                        options.queues(),
                        ModelOptions.iommuOf(options.iommu()));
    }

    private static String text(DiskOptions options, DiskStatistics statistics) {
        return "%s: %d reads (%d bytes), %d writes (%d bytes), %d flushes, %d errors, %d faults"
                        .formatted(
                                options.name(),
                                statistics.reads(),
                                statistics.readBytes(),
                                statistics.writes(),
                                statistics.writtenBytes(),
                                statistics.flushes(),
                                statistics.errors(),
                                statistics.faults())
                + ModelOptions.text(statistics.asked());
    }

    private static Event event(DiskOptions options, DiskStatistics statistics) {
        return Event.of(
                Event.RESULT,
                "device",
                options.name(),
                "reads",
                statistics.reads(),
                "readBytes",
                statistics.readBytes(),
                "writes",
                statistics.writes(),
                "writtenBytes",
                statistics.writtenBytes(),
                "flushes",
                statistics.flushes(),
                "errors",
                statistics.errors(),
                "faults",
                statistics.faults(),
                "disconnections",
                statistics.disconnections(),
                "lastReason",
                statistics.lastReason(),
                "iotlb",
                ModelOptions.fields(statistics.asked()));
    }
}
