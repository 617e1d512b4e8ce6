package dev.outboard.backend;

import dev.outboard.backend.loop.DeviceLoop;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Stands between the loop and a device's engine, and keeps what one driver does wrong to that
 * driver's session. The loop's thread.
 */
public final class DeviceWork implements DeviceLoop.Work {
    private static final Logger LOG = LoggerFactory.getLogger(DeviceWork.class);

    private final DeviceEngine engine;

    /** An array, as to go through a list is to allocate. */
    private final VhostPort[] ports;

    public DeviceWork(DeviceEngine engine, List<VhostPort> ports) {
        this.engine = engine;
        this.ports = ports.toArray(VhostPort[]::new);
    }

    @Override
    public boolean work(long nowNanos) {
        try {
            return engine.poll(nowNanos);
        } catch (RingException e) {
            ringBroken(e);
        } catch (RuntimeException e) {
            defect(e);
        }
        return true;
    }

    @Override
    public boolean askForDoorbells(long nowNanos) {
        try {
            return engine.askForDoorbells();
        } catch (RingException e) {
            ringBroken(e);
        } catch (RuntimeException e) {
            defect(e);
        }
        return true;
    }

    @Override
    public long sleepLimitNanos(long nowNanos) {
        long limit = engine.sleepLimitNanos(nowNanos);
        for (var port : ports) {
            long own = port.sleepLimitNanos(nowNanos);
            if (own != DeviceLoop.FOREVER && (limit == DeviceLoop.FOREVER || own < limit)) {
                limit = own;
            }
        }
        return limit;
    }

    /** Who waits for a translation, or for an invalidation to be obeyed, waits for a look. */
    @Override
    public long lookIntervalNanos() {
        for (var port : ports) {
            if (port.isAsking()) {
                return 0;
            }
        }
        return DeviceLoop.LOOK_NANOS;
    }

    @Override
    public void afterLook(long nowNanos) {
        for (var port : ports) {
            port.tend(nowNanos);
        }
    }

    private void ringBroken(RingException e) {
        for (var port : ports) {
            if (port.session() != null && port.session().owns(e.queue())) {
                port.session().fail(e.getMessage());
            }
        }
        closeSections();
    }

    @Override
    public void memoryFailed(InternalError error) {
        boolean found = false;
        for (var port : ports) {
            var session = port.session();
            if (session != null && session.isMemoryTruncated()) {
                session.fail("the driver cut off the file of its memory");
                found = true;
            }
        }
        if (!found) {
            LOG.error("an access to memory failed, and no driver cut any off", error);
            failInside("an access to memory failed: " + error.getMessage());
        }
        closeSections();
    }

    /** Something nobody thought of: whoever was being served loses the session, nobody else. */
    private void defect(RuntimeException e) {
        LOG.error("unexpected while serving a driver", e);
        failInside("unexpected: " + e);
        closeSections();
    }

    private void failInside(String reason) {
        for (var port : ports) {
            if (port.session() != null && port.session().isInside()) {
                port.session().fail(reason);
            }
        }
    }

    /** The others' sections end as they would have, with what was done shown. */
    private void closeSections() {
        for (var port : ports) {
            var session = port.session();
            if (session == null) {
                continue;
            }
            try {
                if (session.failure() == null) {
                    session.leave();
                }
            } catch (RingException e) {
                session.fail(e.getMessage());
            }
            session.abandon();
        }
        afterLook(System.nanoTime());
    }
}
