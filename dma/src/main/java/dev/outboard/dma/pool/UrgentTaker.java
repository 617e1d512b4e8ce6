package dev.outboard.dma.pool;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Takes pages for a path that may not block: an interrupt's, a queue's. A page or a refusal, at
 * once; no lock, no allocation, and no system call but the write that wakes the refill thread from
 * its sleep.
 *
 * <p>It has a magazine of its own, from which and into which nearly all pages go, and exchanges 16
 * at a time with the pool. It gets pages down to the last one: of the free ones, the reserve
 * included, then of those that takers have put aside that may sleep, and of those that were given
 * back and are not wiped yet.
 *
 * <p>One thread's own, never handed on; opened by {@link PagePool#openUrgent}, on any thread.
 */
public final class UrgentTaker implements AutoCloseable {
    /** Pages that go to and fro between magazine and pool at once. */
    static final int BATCH = 16;

    private static final int MAGAZINE = 2 * BATCH;
    private static final VarHandle TAKEN;
    private static final VarHandle RECALLED;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            TAKEN = lookup.findVarHandle(UrgentTaker.class, "taken", long.class);
            RECALLED = lookup.findVarHandle(UrgentTaker.class, "recalled", boolean.class);
        } catch (ReflectiveOperationException missing) {
            throw new ExceptionInInitializerError(missing);
        }
    }

    private final PagePool pool;
    private final PoolPage[] magazine = new PoolPage[MAGAZINE];
    private int count;
    private long taken;
    private volatile long refusals;

    /** The pool wants the magazine's pages back. True at first: so the thread makes itself known */
    private boolean recalled = true;

    /** Who uses it: if that thread has died, the magazine is anybody's. */
    private volatile Thread owner;

    private boolean closed;

    UrgentTaker(PagePool pool) {
        this.pool = pool;
    }

    /** A page, or null: refused, because there is none. */
    public PoolPage tryTake() {
        int left = count;
        if (left == 0 || (boolean) RECALLED.getOpaque(this)) {
            return tryTakeFromPool();
        }
        PoolPage page = magazine[--left];
        count = left;
        return handOut(page);
    }

    private PoolPage handOut(PoolPage page) {
        // Opaque: one writer; who adds up the counts of all takers reads it whole.
        TAKEN.setOpaque(this, taken + 1);
        page.take();
        return page;
    }

    private PoolPage tryTakeFromPool() {
        answerRecall();
        count = pool.takeUrgently(magazine, BATCH);
        if (count == 0) {
            refusals++;
            return null;
        }
        return handOut(magazine[--count]);
    }

    private void answerRecall() {
        pool.requireOpen();
        if (closed) {
            throw new IllegalStateException("a taker of " + pool + " is used after it was closed");
        }
        if (recalled) {
            owner = Thread.currentThread();
            RECALLED.setVolatile(this, false);
            returnMagazine();
        }
    }

    /**
     * Gives a page back: one that this taker took, or any other of the same pool. It must not be
     * mapped; under a strategy that keeps mappings beyond their unmap, a device of the same driver
     * may still reach it in that window, as it would a buffer that the driver uses again itself.
     *
     * @throws IllegalStateException if no taker has it, or it is another pool's
     */
    public void giveBack(PoolPage page) {
        page.giveBack(pool);
        int held = count;
        if (held == MAGAZINE || (boolean) RECALLED.getOpaque(this)) {
            giveBackToPool(page);
            return;
        }
        magazine[held] = page;
        count = held + 1;
    }

    private void giveBackToPool(PoolPage page) {
        if (pool.isClosed() || closed) {
            pool.giveBack(page);
            returnMagazine();
            return;
        }
        answerRecall();
        if (count == MAGAZINE) {
            // The older half: its lines are the colder ones.
            pool.giveBack(magazine, 0, BATCH);
            System.arraycopy(magazine, BATCH, magazine, 0, BATCH);
            count = BATCH;
        }
        magazine[count++] = page;
    }

    private void returnMagazine() {
        int held = count;
        count = 0;
        pool.giveBack(magazine, 0, held);
    }

    /** Pool's, any thread: asks for the pages in the magazine, at the thread's next step. */
    void recall() {
        RECALLED.setVolatile(this, true);
    }

    /** Pool's: whether nobody will take from the magazine any more, and its pages may be had. */
    boolean isAbandoned() {
        Thread user = owner;
        return user != null && !user.isAlive() && !closed;
    }

    /** Pool's, under its lock, when {@link #isAbandoned}. */
    void takeOver() {
        closed = true;
        recall();
        returnMagazine();
    }

    /** Pages it took so far. Any thread. */
    public long taken() {
        return (long) TAKEN.getOpaque(this);
    }

    /** How often it was refused so far. Any thread. */
    public long refusals() {
        return refusals;
    }

    /** Gives what it put aside back to the pool; on its thread. Closing twice does no harm. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            // So that later calls come to where it is seen that it was closed.
            recall();
            returnMagazine();
            pool.forget(this);
        }
    }
}
