package dev.outboard.dma.pool;

import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;

/**
 * Threads that wait until there are more pages than the reserve. Its lock is never that of a taker
 * that may not block.
 *
 * <p>Sleeping and waking: a thread counts itself, looks again, sleeps; the refill thread adds
 * pages, then looks whether anybody sleeps. Both are volatile, so one of them sees the other.
 */
final class Sleepers {
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition more = lock.newCondition();
    private volatile int sleeping;

    /**
     * Waits until {@code isOver}, or the deadline.
     *
     * @param check is run after each wake-up
     * @return false if the time was up
     */
    boolean await(BooleanSupplier isOver, long deadlineNanos, Runnable check)
            throws InterruptedException {
        lock.lockInterruptibly();
        try {
            sleeping++;
            while (!isOver.getAsBoolean()) {
                long left = deadlineNanos - System.nanoTime();
                if (left <= 0) {
                    return false;
                }
                more.awaitNanos(left);
            }
        } finally {
            sleeping--;
            lock.unlock();
        }
        check.run();
        return true;
    }

    /** Refill thread's: there are more pages. */
    void wakeIfAny() {
        if (sleeping > 0) {
            wakeAll();
        }
    }

    void wakeAll() {
        lock.lock();
        try {
            more.signalAll();
        } finally {
            lock.unlock();
        }
    }
}
