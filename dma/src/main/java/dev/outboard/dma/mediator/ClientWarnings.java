package dev.outboard.dma.mediator;

import java.util.concurrent.TimeUnit;

/**
 * What clients cause to be logged: so many lines a second, and then how many there were, so that
 * nobody fills a disk by coming and going. The mediator's thread; control plane.
 */
final class ClientWarnings {
    static final int LINES_A_SECOND = 10;

    private final System.Logger log;
    private long secondEndsNanos;
    private int lines;
    private long untold;

    ClientWarnings(System.Logger log) {
        this.log = log;
    }

    /** Logs a line, unless there were too many in this second. */
    void warn(long nowNanos, String format, Object... values) {
        if (nowNanos - secondEndsNanos >= 0 || lines == 0) {
            if (untold > 0) {
                log.log(
                        System.Logger.Level.WARNING,
                        "mediator: {0} more warnings of that kind in a second",
                        untold);
            }
            secondEndsNanos = nowNanos + TimeUnit.SECONDS.toNanos(1);
            lines = 0;
            untold = 0;
        }
        if (lines == LINES_A_SECOND) {
            untold++;
            return;
        }
        lines++;
        log.log(System.Logger.Level.WARNING, format, values);
    }
}
