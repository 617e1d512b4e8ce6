package dev.outboard.host.memory;

import dev.outboard.host.cli.Sizes;
import dev.outboard.host.cli.UsageException;
import dev.outboard.host.event.Event;
import java.util.LinkedHashMap;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code outboard memory unplug}. */
@Command(
        name = "unplug",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        description =
                "Takes a segment, or a part of one, away from a driver while it runs. Nothing more"
                        + " comes from it; clients that can are asked to give back what they have"
                        + " of it. What is still in use then is named, and stays.")
final class UnplugCommand implements Callable<Integer> {
    private static final long ANSWER_NANOS = TimeUnit.SECONDS.toNanos(60);
    private static final double MOST_SECONDS = 60;

    @Mixin private Target target;

    @Parameters(
            index = "1",
            paramLabel = "ADDRESS[+SIZE]",
            description = "What, as 0x140000000+1G; without a size the segment that begins there.")
    private String what;

    @Option(
            names = "--wait",
            defaultValue = "1",
            paramLabel = "SECONDS",
            description =
                    "How long clients have to give back what they have of it; with 0 they are not"
                            + " asked. Default: ${DEFAULT-VALUE}.")
    private double waitSeconds;

    @Option(
            names = "--force",
            description =
                    "Revoke the mappings of what is still in use and take its buffers away: a"
                            + " device that uses it has a fault, a driver that does, an error.")
    private boolean force;

    @Override
    public Integer call() {
        if (!(waitSeconds >= 0 && waitSeconds <= MOST_SECONDS)) {
            throw new UsageException("--wait " + waitSeconds + " is not 0 to 60 seconds");
        }
        var order = order();
        var wait = (long) (waitSeconds * TimeUnit.SECONDS.toNanos(1));
        var done =
                target.ask((client, socket) -> client.change(socket, order, ANSWER_NANOS + wait));
        target.output()
                .say(
                        "unplugged %s+%s in %.1f ms"
                                .formatted(
                                        done.text("address"),
                                        Sizes.text(done.number("lengthBytes")),
                                        done.number("nanos") / 1e6),
                        done);
        return 0;
    }

    private Event order() {
        var plus = what.indexOf('+');
        var fields = new LinkedHashMap<String, Object>();
        fields.put("address", plus < 0 ? what : what.substring(0, plus));
        if (plus >= 0) {
            try {
                fields.put("lengthBytes", Sizes.parse(what.substring(plus + 1)));
            } catch (IllegalArgumentException e) {
                throw new UsageException(e.getMessage());
            }
        }
        fields.put("force", force);
        fields.put("waitMillis", Math.round(waitSeconds * 1000));
        return new Event("unplug", fields);
    }
}
