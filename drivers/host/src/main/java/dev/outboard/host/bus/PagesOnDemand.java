package dev.outboard.host.bus;

import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.pool.PagePool;
import dev.outboard.dma.pool.PoolStatistics;

/**
 * The page pool of a device, made when somebody wants it: most drivers take all their memory when
 * they start, and need neither its pages nor its thread. Owned by the device; any thread.
 */
public final class PagesOnDemand implements AutoCloseable {
    private final String name;
    private final PhysicalMemory memory;
    private PagePool pool;
    private boolean closed;

    /**
     * Nothing so far.
     *
     * @param memory borrowed: it is closed later
     */
    public PagesOnDemand(String name, PhysicalMemory memory) {
        this.name = name;
        this.memory = memory;
    }

    /**
     * The pool, the same each time.
     *
     * @throws IllegalStateException if the device was closed
     */
    public synchronized PagePool pool() {
        if (closed) {
            throw new IllegalStateException("device " + name + " is closed, and its pages with it");
        }
        if (pool == null) {
            pool = PagePool.open(memory, name);
        }
        return pool;
    }

    /** What the pool has counted; null if there is none. */
    public synchronized PoolStatistics statistics() {
        return pool == null ? null : pool.statistics();
    }

    @Override
    public synchronized void close() {
        closed = true;
        if (pool != null) {
            pool.close();
        }
    }
}
