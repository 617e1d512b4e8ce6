package dev.outboard.dma.pool;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.function.Consumer;

/**
 * Takes pages for who may sleep, and is slowed down for the sake of who may not.
 *
 * <p>Under the low mark it gets its page, and is told to slow down: first the page goes to where
 * others can take it too, then the thread yields, and it never holds a page back while it does
 * (OpenBSD {@code subr_pool.c} 1.63, and 1.166 again). At the reserve it waits for the refill
 * thread. What it puts aside stays within reach: a taker that may not block takes from it before it
 * is refused.
 *
 * <p>One thread's own; opened by {@link PagePool#openPatient}. Allocates nothing but where it
 * waits.
 */
public final class PatientTaker implements AutoCloseable {
    /** Pages put aside while there are plenty. */
    private static final int CACHED = 16;

    private static final int MOST_CACHED = 2 * CACHED;
    private static final VarHandle TAKEN;

    static {
        try {
            TAKEN = MethodHandles.lookup().findVarHandle(PatientTaker.class, "taken", long.class);
        } catch (ReflectiveOperationException missing) {
            throw new ExceptionInInitializerError(missing);
        }
    }

    private final PagePool pool;
    private final PageStack cache;
    private final Runnable slowDown;
    private final PoolPage[] passing = new PoolPage[CACHED];
    private long taken;
    private volatile long slowDowns;
    private volatile long waits;
    private boolean closed;

    PatientTaker(PagePool pool, PageStack cache, Runnable slowDown) {
        this.pool = pool;
        this.cache = cache;
        this.slowDown = slowDown;
    }

    /**
     * A page. Where there are few, the calling thread yields before it gets it, with the page in
     * its cache meanwhile, where others find it.
     *
     * @param timeoutNanos how long to wait at most where only the reserve is left
     * @return null if the time was up
     * @throws InterruptedException if the thread is interrupted while it waits; it has no page then
     */
    public PoolPage take(long timeoutNanos) throws InterruptedException {
        PoolPage page = cache.pop();
        if (page == null) {
            page = takeFromPool(timeoutNanos);
            if (page == null) {
                return null;
            }
        }
        return handOut(page);
    }

    private PoolPage handOut(PoolPage page) {
        // Opaque: one writer; who adds up the counts of all takers reads it whole.
        TAKEN.setOpaque(this, taken + 1);
        page.take();
        return page;
    }

    private PoolPage takeFromPool(long timeoutNanos) throws InterruptedException {
        requireOpen();
        long deadline = System.nanoTime() + timeoutNanos;
        while (true) {
            int got = pool.takePatiently(passing, CACHED);
            cache.push(passing, 0, got);
            // The page is safe, and within reach of others: only now the thread may yield.
            slowDownIfFew(got);
            PoolPage page = cache.pop();
            if (page != null) {
                return page;
            }
            if (got == 0 && !awaitPages(deadline)) {
                return null;
            }
        }
    }

    private void slowDownIfFew(int got) {
        if (got > 0 && pool.isLow()) {
            slowDowns++;
            slowDown.run();
        }
    }

    private boolean awaitPages(long deadlineNanos) throws InterruptedException {
        waits++;
        return pool.awaitMoreThanReserve(deadlineNanos);
    }

    private void requireOpen() {
        pool.requireOpen();
        if (closed) {
            throw new IllegalStateException("a taker of " + pool + " is used after it was closed");
        }
    }

    /**
     * The back channel for who has a pool of its own that several threads take from: the page is
     * put into that pool first, and then the calling thread yields if pages are few.
     *
     * @param own puts the page into the caller's pool
     * @param timeoutNanos how long to wait at most where only the reserve is left
     * @return false if the time was up; then nothing was put
     * @throws InterruptedException if the thread is interrupted while it waits; nothing was put
     */
    public boolean feed(Consumer<PoolPage> own, long timeoutNanos) throws InterruptedException {
        requireOpen();
        long deadline = System.nanoTime() + timeoutNanos;
        PoolPage page = cache.pop();
        while (page == null) {
            if (pool.takePatiently(passing, 1) > 0) {
                page = passing[0];
            } else if (!awaitPages(deadline)) {
                return false;
            }
        }
        own.accept(handOut(page));
        slowDownIfFew(1);
        return true;
    }

    /**
     * Gives a page back: one that this taker took, or any other of the same pool. It must not be
     * mapped; see {@link UrgentTaker#giveBack}.
     *
     * @throws IllegalStateException if no taker has it, or it is another pool's
     */
    public void giveBack(PoolPage page) {
        page.giveBack(pool);
        if (pool.isClosed() || closed) {
            pool.giveBack(page);
            return;
        }
        cache.push(page);
        if (cache.count() > MOST_CACHED) {
            pool.giveBack(passing, 0, cache.pop(passing, CACHED, 0));
        }
    }

    /** Its cache, from which others may take. */
    PageStack cache() {
        return cache;
    }

    /** Pages it took so far. Any thread. */
    public long taken() {
        return (long) TAKEN.getOpaque(this);
    }

    /** How often it yielded because pages were few. Any thread. */
    public long slowDowns() {
        return slowDowns;
    }

    /** How often it waited because only the reserve was left. Any thread. */
    public long waits() {
        return waits;
    }

    /** Gives what it put aside back to the pool; on its thread. Closing twice does no harm. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            pool.empty(cache, passing);
            pool.forget(this);
        }
    }
}
