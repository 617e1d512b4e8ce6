package dev.outboard.host.device;

import dev.outboard.host.event.Event;
import dev.outboard.models.EduModel;
import dev.outboard.models.EduOptions;
import dev.outboard.models.EduStatistics;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code outboard device edu}: the teaching device. */
@Command(
        name = "edu",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        description =
                "Runs QEMU's teaching device over vfio-user: registers, factorials, copies by DMA,"
                        + " one interrupt.")
final class EduCommand implements Callable<Integer> {
    @Mixin private ModelOptions common;
    @Mixin private PciModelOptions place;

    @Override
    public Integer call() {
        var options = new EduOptions(place.socket(), place.name(), place.iommu(), common.waiting());
        var output = common.output();
        common.pin();
        try (var model = new EduModel(options)) {
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

    private static String readyText(EduOptions options) {
        return "teaching device %s at %s, IOMMU %s"
                .formatted(options.name(), options.socket(), ModelOptions.iommuOf(options.iommu()));
    }

    private static String text(EduOptions options, EduStatistics statistics) {
        return "%s: %d factorials, %d copies, %d faults"
                .formatted(
                        options.name(),
                        statistics.factorials(),
                        statistics.copies(),
                        statistics.faults());
    }

    private static Event event(EduOptions options, EduStatistics statistics) {
        return Event.of(
                Event.RESULT,
                "device",
                options.name(),
                "factorials",
                statistics.factorials(),
                "copies",
                statistics.copies(),
                "faults",
                statistics.faults(),
                "disconnections",
                statistics.disconnections(),
                "lastReason",
                statistics.lastReason());
    }
}
