package dev.outboard.host.memory;

import dev.outboard.host.cli.Sizes;
import dev.outboard.host.cli.UsageException;
import dev.outboard.host.event.Event;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code outboard memory plug}. */
@Command(
        name = "plug",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        description =
                "Adds a segment to a driver's memory while it runs. When this ends, its device can"
                        + " be allowed to reach it, and buffers come from it.")
final class PlugCommand implements Callable<Integer> {
    private static final long ANSWER_NANOS = TimeUnit.SECONDS.toNanos(60);

    @Mixin private Target target;

    @Parameters(index = "1", paramLabel = "SIZE", description = "How much, as 1G.")
    private String size;

    @Option(
            names = "--pages",
            defaultValue = "auto",
            paramLabel = "KIND",
            description = "auto, base, transparent, huge-2m or huge-1g. Default: ${DEFAULT-VALUE}.")
    private String pages;

    @Override
    public Integer call() {
        long lengthBytes;
        try {
            lengthBytes = Sizes.parse(size);
        } catch (IllegalArgumentException e) {
            throw new UsageException(e.getMessage());
        }
        var order = Event.of("plug", "lengthBytes", lengthBytes, "pages", pages);
        var done = target.ask((client, socket) -> client.change(socket, order, ANSWER_NANOS));
        target.output()
                .say(
                        "plugged %s+%s (%s pages) in %.1f ms"
                                .formatted(
                                        done.text("address"),
                                        Sizes.text(done.number("lengthBytes")),
                                        done.text("pages"),
                                        done.number("nanos") / 1e6),
                        done);
        return 0;
    }
}
