package dev.outboard.host.control;

import dev.outboard.host.event.Event;
import dev.outboard.host.pcap.FrameCapture;

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

    /**
     * Begins to capture the frames of this process.
     *
     * @param snapBytes the most that is kept of each
     * @return closed by the caller
     * @throws RuntimeException as {@link #change}
     */
    default FrameCapture capture(int snapBytes) {
        throw new IllegalArgumentException(
                "there are no frames here to capture: ask a network driver");
    }
}
