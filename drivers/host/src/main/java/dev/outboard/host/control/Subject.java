package dev.outboard.host.control;

import dev.outboard.host.event.Event;

/**
 * What a control socket shows and changes. Called on the socket's threads: looks by one, changes by
 * another, so both may come at once, and both may wait.
 */
public interface Subject {
    /** The name of the event that {@link #status} gives. */
    String STATUS = "status";

    /** What there is at this moment. */
    Event status();

    /**
     * Does what it is asked, as {@code plug} or {@code unplug}.
     *
     * @return what came of it
     * @throws IllegalArgumentException if the order makes no sense; the message says why
     * @throws RuntimeException if it cannot be done; the message is one line, cause and remedy
     */
    Event change(Event order);
}
