package dev.outboard.host.run;

import dev.outboard.host.event.Event;
import dev.outboard.host.event.EventOutput;
import dev.outboard.iommu.Access;
import dev.outboard.iommu.Fault;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Tells of faults, one line each, but no more than so many a second: a device that has gone mad
 * must not fill the disk. All are counted. Any thread.
 */
final class FaultLog {
    private static final int LINES_A_SECOND = 10;
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private final EventOutput output;
    private final LongSupplier clockNanos;
    private long windowStart;
    private int told;
    private long untold;
    private long count;

    FaultLog(EventOutput output, LongSupplier clockNanos) {
        this.output = output;
        this.clockNanos = clockNanos;
        this.windowStart = clockNanos.getAsLong();
    }

    /** Counts a fault, and tells of it if there is room. */
    synchronized void add(Fault fault) {
        count++;
        var now = clockNanos.getAsLong();
        if (now - windowStart >= SECOND) {
            summarize();
            windowStart = now;
            told = 0;
        }
        if (told == LINES_A_SECOND) {
            untold++;
            return;
        }
        told++;
        var iova = "0x" + Long.toHexString(fault.iova());
        output.say(
                "fault: " + fault,
                Event.of(
                        Event.FAULT,
                        "device",
                        fault.device(),
                        "iova",
                        iova,
                        "access",
                        Access.name(fault.access()),
                        "reason",
                        Words.of(fault.reason())));
    }

    /** Tells how many were not told of one by one. */
    synchronized void summarize() {
        if (untold > 0) {
            output.say("fault: and " + untold + " more", Event.of(Event.FAULT, "more", untold));
            untold = 0;
        }
    }

    synchronized long count() {
        return count;
    }
}
