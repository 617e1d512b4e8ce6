package dev.outboard.perf.hotplug;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.control.ControlClient;
import dev.outboard.host.control.Fields;
import dev.outboard.host.event.Event;
import dev.outboard.host.process.OutboardProcess;
import dev.outboard.iommu.IoPage;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/**
 * A driver whose memory comes and goes: its process, its control socket, and what was measured of
 * it. One thread.
 */
final class Driver {
    private static final Duration START = Duration.ofSeconds(60);
    private static final long ANSWER_NANOS = TimeUnit.SECONDS.toNanos(30);
    private static final long USE_NANOS = TimeUnit.SECONDS.toNanos(20);
    private static final int GIVE_BACK_MILLIS = 5_000;
    private static final int MOST_TRIES = 5;
    private static final int DIGITS = 3;

    private final OutboardProcess process;
    private final ControlClient client;
    private final Path socket;
    private final boolean isCopied;
    private final Histogram plugs = new Histogram(DIGITS);
    private final Histogram unplugs = new Histogram(DIGITS);
    private String address;
    private long refused;
    private long again;
    private long usedFrames;
    private long mappedFrames;
    private String refusal = "";

    /**
     * Waits until it is up.
     *
     * @param isCopied whether devices reach copies of its buffers, and never these
     */
    Driver(OutboardProcess process, ControlClient client, boolean isCopied) {
        this.isCopied = isCopied;
        this.process = process;
        this.client = client;
        var ready = process.awaitReady(START);
        socket = Path.of(ready.text("control").substring("unix:".length()));
    }

    String name() {
        return process.name();
    }

    OutboardProcess process() {
        return process;
    }

    Histogram plugs() {
        return plugs;
    }

    Histogram unplugs() {
        return unplugs;
    }

    /** How often an unplug was refused because the memory was in use, as it should be. */
    long refused() {
        return refused;
    }

    /** How often it took one more try to have the memory back. */
    long again() {
        return again;
    }

    /** The most frames of the new memory that were seen in use. */
    long usedFrames() {
        return usedFrames;
    }

    /** The most frames of the new memory that were seen mapped. */
    long mappedFrames() {
        return mappedFrames;
    }

    /** The last refusal's line. */
    String refusal() {
        return refusal;
    }

    /** Adds memory. */
    void plug(long lengthBytes, String pages) {
        var order = Event.of("plug", "lengthBytes", lengthBytes, "pages", pages);
        var done = change(order);
        address = done.text("address");
        plugs.recordValue(done.number("nanos"));
    }

    private Event change(Event order) {
        try {
            return client.change(socket, order, ANSWER_NANOS);
        } catch (CommandException e) {
            throw new CommandException(name() + ": " + e.getMessage(), e);
        }
    }

    /**
     * Waits until buffers are in the new memory, and a device has been let reach them.
     *
     * @throws CommandException if they never are
     */
    void awaitUse() {
        long deadline = System.nanoTime() + USE_NANOS;
        long mapsBefore = -1;
        while (System.nanoTime() - deadline < 0) {
            var status = client.status(socket, ANSWER_NANOS);
            long maps = Fields.number(status.fields(), "dma.maps");
            var segment = segment(status);
            long used = Fields.number(segment, "allocatedBytes") >> IoPage.SHIFT;
            long mapped = Fields.number(segment, "mappedBytes") >> IoPage.SHIFT;
            if (used > 0) {
                usedFrames = Math.max(usedFrames, used);
                mappedFrames = Math.max(mappedFrames, mapped);
                mapsBefore = mapsBefore < 0 ? maps : mapsBefore;
                if ((mapped > 0 || isCopied) && maps > mapsBefore) {
                    return;
                }
            }
            pause();
        }
        throw new CommandException(
                "%s has not used the memory at %s for %d s after it came"
                        .formatted(name(), address, TimeUnit.NANOSECONDS.toSeconds(USE_NANOS)));
    }

    private Map<?, ?> segment(Event status) {
        for (var segment : Fields.maps(status.fields(), "memory.segments")) {
            if (Fields.text(segment, "address").equals(address)) {
                return segment;
            }
        }
        throw new CommandException(name() + " has lost the memory at " + address);
    }

    private static void pause() {
        try {
            TimeUnit.MILLISECONDS.sleep(2);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CommandException("interrupted", e);
        }
    }

    /**
     * Wants the memory back without asking for it, while it is used.
     *
     * @return whether that was refused, as it must be but in a moment in which the client had given
     *     it all back by itself; then it is gone
     */
    boolean isRefused() {
        try {
            client.change(socket, unplug(0, false), ANSWER_NANOS);
        } catch (CommandException inUse) {
            refusal = inUse.getMessage();
            if (!refusal.contains("is in use: ")) {
                throw inUse;
            }
            refused++;
            return true;
        }
        return false;
    }

    /** Takes the memory away again, as its client gives it back. */
    void unplug() {
        for (int tries = 1; ; tries++) {
            try {
                var done = client.change(socket, unplug(GIVE_BACK_MILLIS, false), ANSWER_NANOS);
                unplugs.recordValue(done.number("nanos"));
                return;
            } catch (CommandException inUse) {
                if (tries == MOST_TRIES) {
                    throw new CommandException(name() + ": " + inUse.getMessage(), inUse);
                }
                again++;
            }
        }
    }

    /** Takes the memory away while it is used. */
    void unplugByForce() {
        change(unplug(0, true));
    }

    private Event unplug(int waitMillis, boolean force) {
        return Event.of("unplug", "address", address, "waitMillis", waitMillis, "force", force);
    }
}
