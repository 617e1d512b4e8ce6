package dev.outboard.host.memory;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.Sizes;
import dev.outboard.host.control.Fields;
import dev.outboard.host.event.Event;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code outboard memory list}. */
@Command(
        name = "list",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        description =
                "Shows the segments of a driver's memory: what of each is free, allocated and"
                        + " mapped, and how fragmented it is.")
final class ListCommand implements Callable<Integer> {
    private static final long ANSWER_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final String FORMAT = "%-14s %10s %-11s %10s %10s %10s %6s %10s %9s";

    @Mixin private Target target;

    @Override
    public Integer call() {
        var status = target.ask((client, socket) -> client.status(socket, ANSWER_NANOS));
        if (!(status.fields().get("memory") instanceof Map<?, ?> memory)) {
            throw new CommandException(
                    target.name()
                            + " has no memory of its own"
                            + ("away".equals(status.fields().get("state"))
                                    ? " while its device is away"
                                    : ": name a driver"));
        }
        var output = target.output();
        if (output.isForMachines()) {
            var segments = Fields.maps(memory, "segments");
            output.say(Event.of("memory", "name", target.name(), "segments", segments));
            return 0;
        }
        output.text(
                FORMAT.formatted(
                        "ADDRESS",
                        "SIZE",
                        "PAGES",
                        "FREE",
                        "ALLOCATED",
                        "MAPPED",
                        "PIECES",
                        "LONGEST",
                        "2M-RUNS"));
        for (var segment : Fields.maps(memory, "segments")) {
            output.text(line(segment).stripTrailing());
        }
        return 0;
    }

    private static String line(Map<?, ?> segment) {
        return FORMAT.formatted(
                Fields.text(segment, "address"),
                Sizes.text(Fields.number(segment, "lengthBytes")),
                Fields.text(segment, "pages"),
                Sizes.text(Fields.number(segment, "freeBytes")),
                Sizes.text(Fields.number(segment, "allocatedBytes")),
                Sizes.text(Fields.number(segment, "mappedBytes")),
                Fields.text(segment, "pieces"),
                Sizes.text(Fields.number(segment, "longestRunBytes")),
                Fields.at(segment, "superpageShare") instanceof Number share
                        ? String.format(Locale.ROOT, "%.1f %%", 100 * share.doubleValue())
                        : "");
    }
}
