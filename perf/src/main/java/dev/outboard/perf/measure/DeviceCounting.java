package dev.outboard.perf.measure;

import dev.outboard.driver.ClientContext;

/** What the mapping service did during the measured part. One thread: start, the work, stop. */
public final class DeviceCounting {
    private final ClientContext context;
    private long maps;
    private long flushes;
    private long flushNanos;

    /** Counts for the context's device. */
    public DeviceCounting(ClientContext context) {
        this.context = context;
    }

    /** The measured part begins. */
    public void start() {
        var now = context.device().dma().statistics();
        maps = now.maps();
        flushes = now.flushes();
        flushNanos = now.flushNanos();
    }

    /**
     * The measured part ended: adds {@code maps}, {@code flushes} and {@code flushNanos} of it, and
     * the widest window so far.
     */
    public void stop(Results row) {
        var now = context.device().dma().statistics();
        row.put("maps", now.maps() - maps)
                .put("flushes", now.flushes() - flushes)
                .put("flushNanos", now.flushNanos() - flushNanos)
                .put("windowEntries", now.windowEntries())
                .put("windowNanos", now.windowNanos());
    }
}
