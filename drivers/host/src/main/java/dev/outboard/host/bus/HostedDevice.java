package dev.outboard.host.bus;

import dev.outboard.dma.pool.PoolStatistics;
import dev.outboard.driver.Device;

/**
 * A device as its host sees it: it can be closed, and it tells when it went away.
 *
 * <p>Closing masks its interrupts, takes every queue back, and releases every descriptor; it is
 * idempotent, and for the thread that opened the device.
 */
public interface HostedDevice extends Device, AutoCloseable {
    /**
     * Runs once when the device goes away, on a thread of the bus; at once where it already has.
     * What runs must be short and must not close the device.
     */
    void onLost(Runnable listener);

    /** What its page pool has counted; null if nobody has asked for one. Any thread. */
    default PoolStatistics poolStatistics() {
        return null;
    }

    @Override
    void close();
}
