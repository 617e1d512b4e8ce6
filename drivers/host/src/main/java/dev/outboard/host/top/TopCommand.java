package dev.outboard.host.top;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.StopRequest;
import dev.outboard.host.cli.Subcommand;
import dev.outboard.host.cli.UsageException;
import dev.outboard.host.control.ControlClient;
import dev.outboard.host.control.ControlFolder;
import dev.outboard.host.event.Event;
import dev.outboard.host.event.EventOutput;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code outboard top}: looks at everything of this user that runs. */
@Command(
        name = "top",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        description =
                "Shows the drivers and mediators of this user that run: page frames in use and in"
                        + " all, mappings and what they cover, pages whose IOVA may still work,"
                        + " mappings a second, faults, the page pool's level; and of a mediator"
                        + " what each client uses of its quotas.",
        footer = {
            "",
            "The first rates are of the whole life of a driver, the next of the time between two"
                    + " looks. Another user's, or one with --control unix:PATH, is not seen here."
        })
public final class TopCommand implements Subcommand {
    private static final int ORDER = 45;
    private static final double LEAST_SECONDS = 0.1;
    private static final double MOST_SECONDS = 3600;
    private static final long ANSWER_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final String CLEAR = "\033[H\033[2J";

    @Option(names = "--once", description = "Look once.")
    private boolean once;

    @Option(
            names = "--interval",
            defaultValue = "1",
            paramLabel = "SECONDS",
            description = "The time between two looks. Default: ${DEFAULT-VALUE}.")
    private double intervalSeconds;

    @Option(names = "--json", description = "Print each look as one line of JSON.")
    private boolean json;

    private final Map<String, Sample> before = new HashMap<>();

    /** For the service loader. */
    public TopCommand() {}

    @Override
    public int order() {
        return ORDER;
    }

    @Override
    public Integer call() {
        if (!(intervalSeconds >= LEAST_SECONDS && intervalSeconds <= MOST_SECONDS)) {
            throw new UsageException(
                    "--interval " + intervalSeconds + " is not 0.1 to 3600 seconds");
        }
        var output = EventOutput.standard(json);
        var stop = StopRequest.ofProcess();
        try (var client = new ControlClient()) {
            do {
                show(look(client, ControlFolder.ofUser()), output, System.out);
            } while (!once && !stop.await((long) (intervalSeconds * TimeUnit.SECONDS.toNanos(1))));
        }
        return 0;
    }

    /** A sample of each that runs. */
    private List<Sample> look(ControlClient client, ControlFolder folder) {
        var samples = new ArrayList<Sample>();
        for (var socket : folder.living()) {
            var name = socket.getFileName().toString();
            var status = status(client, socket);
            samples.add(Sample.of(name, status, System.nanoTime(), before.get(name)));
        }
        before.clear();
        samples.forEach(sample -> before.put(sample.socket(), sample));
        return samples;
    }

    private static Event status(ControlClient client, Path socket) {
        try {
            return client.status(socket, ANSWER_NANOS);
        } catch (CommandException silent) {
            // It is about to come or to go, or it is stopped: the others are shown all the same.
            return null;
        }
    }

    private void show(List<Sample> samples, EventOutput output, PrintStream stream) {
        if (json) {
            output.say(
                    Event.of(
                            "top", "processes", samples.stream().map(TopCommand::fields).toList()));
            return;
        }
        var text = String.join("\n", TopTable.lines(samples));
        var console = System.console();
        if (!once && console != null && console.isTerminal()) {
            stream.print(CLEAR);
        }
        output.text(text);
    }

    private static Map<String, Object> fields(Sample sample) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("control", sample.socket());
        fields.put("answered", sample.status() != null);
        if (sample.status() != null) {
            fields.putAll(sample.status().fields());
            if (!sample.isMediator()) {
                fields.put("mapsPerSecond", sample.mapsPerSecond());
                fields.put("unmapsPerSecond", sample.unmapsPerSecond());
            }
        }
        return fields;
    }
}
