package dev.outboard.uio;

import java.util.concurrent.CountDownLatch;

/**
 * Waits that an interrupt does not cut short, for what must be over before something is closed or
 * used again. The interrupt is kept, for whoever looks for it next. Any thread.
 */
public final class Waits {
    private Waits() {}

    /**
     * Returns when the thread has ended; at once on that thread itself, which cannot wait for its
     * own end.
     */
    public static void forEnd(Thread thread) {
        if (thread != Thread.currentThread()) {
            uninterrupted(thread::join);
        }
    }

    /** Returns when the latch is open. */
    public static void forOpening(CountDownLatch latch) {
        uninterrupted(latch::await);
    }

    /** A wait that may be begun again. */
    private interface Wait {
        void go() throws InterruptedException;
    }

    private static void uninterrupted(Wait wait) {
        boolean interrupted = false;
        while (true) {
            try {
                wait.go();
                break;
            } catch (InterruptedException later) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
