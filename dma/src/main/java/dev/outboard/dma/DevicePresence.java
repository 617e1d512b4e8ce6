package dev.outboard.dma;

import java.util.concurrent.TimeUnit;

/**
 * How many devices of a domain are attached, and waiting for one.
 *
 * <p>For who implements an {@link IommuDomain}, which owns it. Any thread.
 */
public final class DevicePresence {
    private int attached;
    private boolean ended;

    /** Nobody is there yet. */
    public DevicePresence() {}

    /** So many are attached now. */
    public synchronized void set(int count) {
        attached = count;
        notifyAll();
    }

    /** No more will come: nobody waits any longer. */
    public synchronized void end() {
        ended = true;
        notifyAll();
    }

    /** How many are attached. */
    public synchronized int count() {
        return attached;
    }

    /** As {@link IommuDomain#awaitAttached}. */
    public synchronized boolean await(long timeoutNanos) {
        long deadline = System.nanoTime() + timeoutNanos;
        while (attached == 0 && !ended) {
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                return false;
            }
            try {
                TimeUnit.NANOSECONDS.timedWait(this, left);
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
                break;
            }
        }
        return attached > 0;
    }
}
