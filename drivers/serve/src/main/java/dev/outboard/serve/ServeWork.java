package dev.outboard.serve;

import dev.outboard.backend.DeviceWork;
import dev.outboard.backend.loop.DeviceLoop;
import dev.outboard.driver.ClientContext;

/**
 * The loop's work with the driver's side added: its interrupts are asked for before a sleep and
 * taken after it, and the host is asked now and then whether to go on. The loop's thread.
 */
final class ServeWork implements DeviceLoop.Work {
    /** The host is asked so often while nothing happens. */
    private static final long LOOK_NANOS = 100_000_000;

    private final DeviceWork work;
    private final ServeEngine engine;
    private final DeviceLoop loop;
    private final ClientContext context;

    ServeWork(DeviceWork work, ServeEngine engine, DeviceLoop loop, ClientContext context) {
        this.work = work;
        this.engine = engine;
        this.loop = loop;
        this.context = context;
    }

    @Override
    public boolean work(long nowNanos) {
        return work.work(nowNanos);
    }

    @Override
    public boolean askForDoorbells(long nowNanos) {
        boolean isThere = work.askForDoorbells(nowNanos);
        if (isThere) {
            // The loop does not sleep, and so looks at nothing that would disarm.
            engine.disarm();
        }
        return isThere;
    }

    @Override
    public long sleepLimitNanos(long nowNanos) {
        long limit = work.sleepLimitNanos(nowNanos);
        return limit == DeviceLoop.FOREVER ? LOOK_NANOS : Math.min(limit, LOOK_NANOS);
    }

    @Override
    public long lookIntervalNanos() {
        return work.lookIntervalNanos();
    }

    @Override
    public void afterLook(long nowNanos) {
        engine.disarm();
        work.afterLook(nowNanos);
        if (context.isStopping()) {
            loop.stop();
        }
    }

    @Override
    public void memoryFailed(InternalError error) {
        work.memoryFailed(error);
    }
}
