package dev.outboard.host.event;

import java.io.PrintStream;

/**
 * Where a command writes: lines for people, or events for machines, never both on one stream. Any
 * thread; a line is written whole.
 */
public final class EventOutput {
    private final PrintStream stream;
    private final boolean machines;

    /**
     * @param stream where lines go
     * @param machines whether events are written, rather than text
     */
    public EventOutput(PrintStream stream, boolean machines) {
        this.stream = stream;
        this.machines = machines;
    }

    /** Writes to standard output. */
    public static EventOutput standard(boolean machines) {
        return new EventOutput(System.out, machines);
    }

    /** Whether machines read this. */
    public boolean isForMachines() {
        return machines;
    }

    /** Says it: the text to people, the event to machines. */
    public void say(String text, Event event) {
        line(machines ? event.toJson() : text);
    }

    /** Says something to machines only. */
    public void say(Event event) {
        if (machines) {
            line(event.toJson());
        }
    }

    /** Says something to people only. */
    public void text(String text) {
        if (!machines) {
            line(text);
        }
    }

    private void line(String line) {
        synchronized (stream) {
            stream.println(line);
            stream.flush();
        }
    }
}
