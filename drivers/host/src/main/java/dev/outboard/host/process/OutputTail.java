package dev.outboard.host.process;

import java.util.ArrayDeque;

/** The last lines of a stream, at most so many. Any thread. */
final class OutputTail {
    private static final int LINES = 1000;
    private static final int LINE_CHARACTERS = 4000;

    private final ArrayDeque<String> lines = new ArrayDeque<>();

    synchronized void add(String line) {
        if (lines.size() == LINES) {
            lines.removeFirst();
        }
        lines.addLast(line.substring(0, Math.min(line.length(), LINE_CHARACTERS)));
    }

    synchronized String text() {
        return String.join("\n", lines);
    }

    /** The lines, which are then forgotten. */
    synchronized String take() {
        var taken = text();
        lines.clear();
        return taken;
    }

    /** The last line that is not blank, or null: what a program says when it gives up. */
    synchronized String lastLine() {
        var all = lines.descendingIterator();
        while (all.hasNext()) {
            var line = all.next();
            if (!line.isBlank()) {
                return line.strip();
            }
        }
        return null;
    }
}
