package dev.outboard.host.device;

import dev.outboard.host.cli.Sizes;
import dev.outboard.host.cli.UsageException;
import dev.outboard.host.event.Event;
import dev.outboard.models.NvmeModel;
import dev.outboard.models.NvmeOptions;
import dev.outboard.models.NvmeOptions.Disk;
import dev.outboard.models.NvmeStatistics;
import dev.outboard.models.shape.NvmeShape;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code outboard device nvme}: an NVMe controller over files or memory. */
@Command(
        name = "nvme",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        description =
                "Runs an NVMe controller over vfio-user; each --file and each --size is a"
                        + " namespace, in that order.")
final class NvmeCommand implements Callable<Integer> {
    @Mixin private ModelOptions common;
    @Mixin private PciModelOptions place;

    @Option(
            names = "--file",
            paramLabel = "FILE",
            description = "A namespace's content: a raw file or block device of whole blocks.")
    private List<Path> files = List.of();

    @Option(
            names = "--size",
            paramLabel = "SIZE",
            description = "A namespace in memory, as 64M: its content ends with the process.")
    private List<String> sizes = List.of();

    @Option(
            names = "--block",
            defaultValue = "512",
            paramLabel = "N",
            description = "Bytes of a block, 512 or 4096. Default: ${DEFAULT-VALUE}.")
    private int block;

    @Option(names = "--read-only", description = "Refuse writes to files.")
    private boolean readOnly;

    @Option(
            names = "--queues",
            defaultValue = "8",
            paramLabel = "N",
            description = "How many I/O queues it has, up to 255. Default: ${DEFAULT-VALUE}.")
    private int queues;

    @Option(
            names = "--entries",
            defaultValue = "1024",
            paramLabel = "N",
            description = "The most entries of a ring. Default: ${DEFAULT-VALUE}.")
    private int entries;

    @Option(
            names = "--vectors",
            paramLabel = "N",
            description = "Interrupt vectors, up to 2048. Default: one more than queues.")
    private Integer vectors;

    @Option(
            names = "--transfer",
            defaultValue = "1M",
            paramLabel = "SIZE",
            description =
                    "What a command moves at most, 4K to 1M and a power of two. Default:"
                            + " ${DEFAULT-VALUE}.")
    private String transfer;

    @Option(
            names = "--latency-us",
            defaultValue = "0",
            paramLabel = "N",
            description = "How long an I/O command takes at least. Default: ${DEFAULT-VALUE}.")
    private long latencyMicros;

    @Option(
            names = "--doorbells",
            defaultValue = "mapped",
            paramLabel = "mapped|shadowed",
            description =
                    "mapped: drivers map them, and the controller looks at them now and then even"
                            + " when idle. shadowed: they come by message; a driver that uses"
                            + " Doorbell Buffer Config sends few, and an idle controller sleeps."
                            + " Default: ${DEFAULT-VALUE}.")
    private String doorbells;

    @Override
    public Integer call() {
        var options = options();
        var output = common.output();
        common.pin();
        try (var model = new NvmeModel(options)) {
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

    private NvmeOptions options() {
        try {
            var shape =
                    new NvmeShape(
                            queues,
                            entries,
                            vectors == null ? queues + 1 : vectors,
                            transferShift(),
                            doorbells(),
                            TimeUnit.MICROSECONDS.toNanos(latencyMicros));
            return new NvmeOptions(
                    place.socket(), place.name(), place.iommu(), disks(), shape, common.waiting());
        } catch (IllegalArgumentException wrong) {
            throw new UsageException(wrong.getMessage());
        }
    }

    private List<Disk> disks() {
        var disks = new ArrayList<Disk>();
        files.forEach(file -> disks.add(new Disk(file, 0, block, readOnly)));
        sizes.forEach(size -> disks.add(new Disk(null, Sizes.parse(size), block, false)));
        if (disks.isEmpty()) {
            throw new UsageException(
                    "an NVMe controller needs a namespace: --file FILE, or --size SIZE of memory");
        }
        return disks;
    }

    private int transferShift() {
        var bytes = Sizes.parse(transfer);
        if (bytes < 4096 || Long.bitCount(bytes) != 1) {
            throw new UsageException("--transfer " + transfer + ": a power of two, 4K to 1M");
        }
        return Long.numberOfTrailingZeros(bytes / 4096);
    }

    private NvmeShape.Doorbells doorbells() {
        try {
            return NvmeShape.Doorbells.valueOf(doorbells.toUpperCase(Locale.ROOT));
        } catch (IllegalArgumentException none) {
            throw new UsageException("--doorbells '" + doorbells + "': take mapped or shadowed");
        }
    }

    private static String readyText(NvmeOptions options) {
        return "NVMe controller %s at %s over %s, queues %d, vectors %d, IOMMU %s"
                .formatted(
                        options.name(),
                        options.socket(),
                        options.disks().stream()
                                .map(NvmeCommand::text)
                                .collect(Collectors.joining(", ")),
                        options.shape().queues(),
                        options.shape().vectors(),
                        ModelOptions.iommuOf(options.iommu()));
    }

    private static String text(Disk disk) {
        return disk.file() == null
                ? Sizes.text(disk.lengthBytes()) + " of memory"
                : disk.file() + (disk.readOnly() ? ", read-only" : "");
    }

    private static String text(NvmeOptions options, NvmeStatistics statistics) {
        return "%s: %d reads (%d bytes), %d writes (%d bytes), %d flushes, %d errors, %d faults"
                .formatted(
                        options.name(),
                        statistics.reads(),
                        statistics.readBytes(),
                        statistics.writes(),
                        statistics.writtenBytes(),
                        statistics.flushes(),
                        statistics.errors(),
                        statistics.faults());
    }

    private static Event event(NvmeOptions options, NvmeStatistics statistics) {
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
                "zeroes",
                statistics.zeroes(),
                "errors",
                statistics.errors(),
                "faults",
                statistics.faults(),
                "resets",
                statistics.resets(),
                "disconnections",
                statistics.disconnections(),
                "lastReason",
                statistics.lastReason());
    }
}
