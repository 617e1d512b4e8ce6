package dev.outboard.nvme;

import dev.outboard.driver.Notice;
import java.util.ArrayDeque;
import java.util.function.Consumer;

/**
 * What the driver has to tell its user while it runs, no more than a few things a second: a
 * controller that has gone mad must not fill a log. Any thread.
 */
final class Notices {
    private static final int MOST_A_SECOND = 8;
    private static final int MOST_KEPT = 8;
    private static final long SECOND_NANOS = 1_000_000_000L;

    /** What was told before anybody listened. */
    private final ArrayDeque<Notice> kept = new ArrayDeque<>();

    private Consumer<Notice> listener;
    private long secondStart = System.nanoTime();
    private int told;
    private long untold;

    synchronized void listener(Consumer<Notice> next) {
        listener = next;
        while (!kept.isEmpty()) {
            next.accept(kept.remove());
        }
    }

    synchronized void tell(String kind, String text) {
        long now = System.nanoTime();
        if (now - secondStart >= SECOND_NANOS) {
            secondStart = now;
            told = 0;
        }
        if (told == MOST_A_SECOND) {
            untold++;
            return;
        }
        told++;
        String missed = untold == 0 ? "" : " (and %d notices before that)".formatted(untold);
        untold = 0;
        Notice notice = new Notice(kind, text + missed);
        if (listener != null) {
            listener.accept(notice);
        } else if (kept.size() < MOST_KEPT) {
            kept.add(notice);
        }
    }
}
