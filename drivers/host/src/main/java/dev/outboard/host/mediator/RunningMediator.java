package dev.outboard.host.mediator;

import dev.outboard.dma.mediator.Mediator;
import dev.outboard.dma.mediator.MediatorOptions;
import dev.outboard.host.control.Subject;
import dev.outboard.host.event.Event;
import java.util.LinkedHashMap;
import java.util.List;

/** A mediator as its control socket shows it. Any thread. */
final class RunningMediator implements Subject {
    private final MediatorOptions options;

    /** Null before it listens. */
    private volatile Mediator mediator;

    RunningMediator(MediatorOptions options) {
        this.options = options;
    }

    /** It listens from now on. */
    void begin(Mediator listening) {
        mediator = listening;
    }

    @Override
    public Event status() {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("kind", "mediator");
        fields.put("name", MediatorCommand.NAME);
        fields.put("pid", ProcessHandle.current().pid());
        fields.put("listen", "unix:" + options.listen());
        fields.put("memoryBytes", options.memoryBytes());
        var listening = mediator;
        fields.put(
                "clients",
                listening == null
                        ? List.of()
                        : listening.clients().stream().map(ClientLog::fields).toList());
        return new Event(STATUS, fields);
    }

    @Override
    public Event change(Event order) {
        throw new IllegalArgumentException(
                "a mediator's memory is that of its drivers: name one of them, and the mediator"
                        + " gives it more, as far as its quota goes");
    }
}
