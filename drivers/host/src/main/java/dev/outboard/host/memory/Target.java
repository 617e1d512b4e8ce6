package dev.outboard.host.memory;

import dev.outboard.host.control.ControlClient;
import dev.outboard.host.control.ControlFolder;
import dev.outboard.host.event.Event;
import dev.outboard.host.event.EventOutput;
import java.nio.file.Path;
import java.util.function.BiFunction;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What the three commands have in common: whose memory it is, and how it is told. */
final class Target {
    @Parameters(index = "0", paramLabel = "NAME", description = "Whose memory it is.")
    private String name;

    @Option(names = "--json", description = "Print one JSON object a line.")
    private boolean json;

    /** Asks the one that is called so. */
    Event ask(BiFunction<ControlClient, Path, Event> question) {
        var socket = ControlFolder.ofUser().find(name);
        try (var client = new ControlClient()) {
            return question.apply(client, socket);
        }
    }

    String name() {
        return name;
    }

    EventOutput output() {
        return EventOutput.standard(json);
    }
}
