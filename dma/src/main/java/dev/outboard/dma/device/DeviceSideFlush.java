package dev.outboard.dma.device;

import dev.outboard.dma.DeviceStuckException;
import dev.outboard.dma.SideFlush;
import dev.outboard.iommu.IoPage;
import dev.outboard.uio.vhost.IotlbBatch;
import java.util.concurrent.locks.LockSupport;

/**
 * The flush of a timer's thread for a device that is told to drop translations by messages: the
 * timer may not wait for the answer, so a daemon thread of this flush's own does.
 *
 * <p>A device that does not answer is stuck for good; no flush is over from then on, and who unmaps
 * is told. Allocates nothing after construction.
 */
final class DeviceSideFlush implements SideFlush {
    private final DeviceDomain domain;
    private final IotlbBatch everything = new IotlbBatch();
    private final RangeAnswer ranges;
    private final Thread thread;

    /** Flushes begun: the timer's thread writes it, after which this one sees what was cleared. */
    private volatile long begun;

    /** Which of them was over last. */
    private volatile long done;

    private volatile boolean closed;

    DeviceSideFlush(DeviceDomain domain) {
        this.domain = domain;
        ranges = new RangeAnswer(domain);
        thread = Thread.ofPlatform().daemon().name(domain.name() + "-iotlb-flush").start(this::run);
    }

    @Override
    public void begin() {
        // One thread writes: the increment need not be atomic.
        begun = begun + 1;
        LockSupport.unpark(thread);
    }

    @Override
    public boolean poll() {
        return done == begun;
    }

    private void run() {
        while (!closed) {
            long flush = begun;
            if (done == flush) {
                LockSupport.park(this);
                continue;
            }
            everything.clear();
            everything.invalidate(0, domain.table().pages() << IoPage.SHIFT);
            try {
                if (!domain.flushAll(everything, ranges)) {
                    // The connection is about to close, and with it goes what the device holds.
                    return;
                }
            } catch (DeviceStuckException stuck) {
                return;
            }
            done = flush;
        }
    }

    /** Flushes begun; any thread. */
    long flushes() {
        return begun;
    }

    /** Does not wait for the thread, which may wait for the device: detaching does. */
    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(thread);
    }
}
