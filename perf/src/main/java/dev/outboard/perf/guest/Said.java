package dev.outboard.perf.guest;

import dev.outboard.host.event.Event;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What a command answered.
 *
 * @param words the command
 * @param code its exit code
 * @param output its standard output
 * @param error its standard error
 */
record Said(String words, int code, String output, String error) {
    /** Its events, where it spoke for machines. */
    List<Event> events() {
        return output.lines().map(Event::parse).filter(Objects::nonNull).toList();
    }

    /** The events of a name. */
    List<Event> events(String name) {
        return events().stream().filter(event -> event.name().equals(name)).toList();
    }

    /** The one event of a name. */
    Event event(String name) {
        var found = events(name);
        if (found.size() != 1) {
            throw new CheckFailure(
                    words + " said " + found.size() + " times " + name + this.tail());
        }
        return found.getFirst();
    }

    /** It did what it was asked. */
    Said done() {
        if (code != 0) {
            throw new CheckFailure(words + " failed with exit code " + code + tail());
        }
        return this;
    }

    /** It refused, and said all these. */
    Said refused(String... texts) {
        if (code == 0) {
            throw new CheckFailure(words + " was not refused" + tail());
        }
        for (var text : texts) {
            if (!error.contains(text)) {
                throw new CheckFailure("%s did not say '%s'%s".formatted(words, text, tail()));
            }
        }
        return this;
    }

    /** What a client found, of a driver that ran to its end and left nothing mapped. */
    Map<?, ?> client() {
        var result = done().event(Event.RESULT);
        if (!(result.fields().get("client") instanceof Map<?, ?> client)) {
            throw new CheckFailure(words + " has no client's result" + tail());
        }
        if (!Boolean.TRUE.equals(client.get("verified"))) {
            throw new CheckFailure(words + " verified nothing: " + client);
        }
        if (result.number("faults") != 0) {
            throw new CheckFailure(words + " had faults" + tail());
        }
        if (result.fields().get("dma") instanceof Map<?, ?> dma
                && dma.get("liveMappings") instanceof Number live
                && live.longValue() != 0) {
            throw new CheckFailure(words + " left " + live + " mappings");
        }
        return client;
    }

    private String tail() {
        var text = (error.isBlank() ? output : error).strip();
        return ": " + text.substring(Math.max(0, text.length() - 400)).replace('\n', ' ');
    }
}
