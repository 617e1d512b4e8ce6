package dev.outboard.uio.pci;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.Epoll;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.Resources;
import dev.outboard.uio.Waits;
import java.util.List;
import java.util.function.LongSupplier;

/**
 * Hands the interrupts of one line on to everybody who shares it: each signals every event. A line
 * does not say for whom it came; who finds no work waits again.
 *
 * <p>Owned by a function; a daemon thread of its own, which sleeps in the kernel and allocates
 * nothing for an interrupt.
 */
public final class LinePump implements AutoCloseable {
    private static final int LINE = 0;
    private static final int END = 1;
    private static final long FOREVER = -1;

    private final LongSupplier take;
    private final EventDescriptor[] events;
    private final Resources resources = new Resources();
    private final Epoll epoll;
    private final EventDescriptor end;
    private final Thread thread;
    private boolean done;

    private LinePump(
            String name, Descriptor line, LongSupplier take, List<EventDescriptor> events) {
        this.take = take;
        this.events = events.toArray(EventDescriptor[]::new);
        try {
            epoll = resources.add(Epoll.create());
            end = resources.add(EventDescriptor.create());
            epoll.add(line, Epoll.READABLE, LINE);
            epoll.add(end.descriptor(), Epoll.READABLE, END);
        } catch (RuntimeException failure) {
            resources.closeAfter(failure);
            throw failure;
        }
        thread = Thread.ofPlatform().daemon().name(name + "-line").unstarted(this::pump);
    }

    /**
     * Starts.
     *
     * @param line readable when the line has interrupted; stays its owner's, open until this is
     *     closed
     * @param take takes what made it readable: how many interrupts there were
     * @param events stay their owner's, open until this is closed
     */
    public static LinePump start(
            String name, Descriptor line, LongSupplier take, List<EventDescriptor> events) {
        var pump = new LinePump(name, line, take, events);
        pump.thread.start();
        return pump;
    }

    private void pump() {
        while (!done) {
            epoll.await(FOREVER, this::onReady);
        }
    }

    private void onReady(int token, int ready) {
        if (token == END) {
            done = true;
        } else if (take.getAsLong() > 0) {
            for (EventDescriptor event : events) {
                event.signal();
            }
        } else if ((ready & (Epoll.ERROR | Epoll.HANG_UP)) != 0) {
            // The device has gone: it interrupts no more.
            done = true;
        }
    }

    /** Ends the thread; must come before the line and the events are closed. */
    @Override
    public void close() {
        if (thread.isAlive()) {
            end.signal();
            Waits.forEnd(thread);
        }
        resources.close();
    }
}
