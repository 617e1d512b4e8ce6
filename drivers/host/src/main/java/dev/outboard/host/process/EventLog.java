package dev.outboard.host.process;

import dev.outboard.host.event.Event;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * The events of one child, in order, bounded: of a child that says too much the oldest events that
 * nobody waited for are forgotten. Any thread; one thread adds.
 */
final class EventLog {
    private static final int LIMIT = 4096;

    private final ArrayDeque<Event> waiting = new ArrayDeque<>();
    private Consumer<Event> listener = event -> {};
    private boolean ended;

    void add(Event event) {
        Consumer<Event> told;
        synchronized (this) {
            if (waiting.size() == LIMIT) {
                waiting.removeFirst();
            }
            waiting.addLast(event);
            told = listener;
            notifyAll();
        }
        told.accept(event);
    }

    synchronized void end() {
        ended = true;
        notifyAll();
    }

    synchronized boolean hasEnded() {
        return ended;
    }

    synchronized void listen(Consumer<Event> heard) {
        listener = heard;
    }

    synchronized List<Event> snapshot() {
        return new ArrayList<>(waiting);
    }

    /**
     * Takes the oldest event of this name; null when the time is up or the child will say no more.
     */
    synchronized Event take(String name, long timeoutNanos) throws InterruptedException {
        var deadline = System.nanoTime() + timeoutNanos;
        while (true) {
            for (var events = waiting.iterator(); events.hasNext(); ) {
                var event = events.next();
                if (event.name().equals(name)) {
                    events.remove();
                    return event;
                }
            }
            var leftMillis = (deadline - System.nanoTime() + 999_999) / 1_000_000;
            if (ended || leftMillis <= 0) {
                return null;
            }
            wait(leftMillis);
        }
    }
}
