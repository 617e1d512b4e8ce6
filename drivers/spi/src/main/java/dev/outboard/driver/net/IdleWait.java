package dev.outboard.driver.net;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.Epoll;
import dev.outboard.uio.WaitPolicy;
import java.util.Arrays;

/**
 * How a thread idles that has several places to look for work: queues of a device, descriptors of
 * the kernel's. It looks for a while, as long as it costs to be woken, and then sleeps until one of
 * them signals.
 *
 * <pre>
 *   look ──found──► work ──► found() ──► look
 *    └───nothing──► idle() ─┬─ not long ago: back at once, to look again
 *                           └─ arm every queue, look again, epoll, disarm
 * </pre>
 *
 * <p>Owned by the thread that works; borrows what it watches. {@link #found} and {@link #idle}
 * allocate nothing.
 */
public final class IdleWait implements AutoCloseable {
    private static final Epoll.ReadyHandler IGNORE = (token, events) -> {};

    private final Epoll epoll;
    private final WaitPolicy policy;
    private FrameQueue[] queues = {};
    private int descriptors;

    /** When the looks began that have found nothing; not valid while {@link #isWorking}. */
    private long idleSinceNanos;

    private boolean isWorking = true;
    private long sleeps;

    /** Watches nothing yet. */
    public IdleWait(WaitPolicy policy) {
        this.policy = policy;
        epoll = Epoll.create();
    }

    /** Watches a queue: it is armed before each sleep, and disarmed after. */
    public void watch(FrameQueue queue) {
        epoll.add(queue.descriptor(), Epoll.READABLE, descriptors++);
        queues = Arrays.copyOf(queues, queues.length + 1);
        queues[queues.length - 1] = queue;
    }

    /**
     * Watches a descriptor that needs no arming, as one of the kernel's: a sleep ends while it is
     * in this state.
     *
     * @param interest of {@link Epoll}, as {@link Epoll#READABLE}
     */
    public void watch(Descriptor descriptor, int interest) {
        epoll.add(descriptor, interest, descriptors++);
    }

    /** A look has found work: the next idleness begins anew. */
    public void found() {
        isWorking = true;
    }

    /**
     * A look has found nothing: returns when it is worth another.
     *
     * @param timeoutNanos the longest sleep
     * @return whether it slept
     * @throws dev.outboard.driver.DeviceLostException when a queue's device went away
     */
    public boolean idle(long timeoutNanos) {
        if (policy.isPolling() || isRecent()) {
            if (policy.pause()) {
                Thread.onSpinWait();
            }
            return false;
        }
        boolean hasWork = false;
        int armed = 0;
        try {
            while (armed < queues.length && !hasWork) {
                hasWork = queues[armed].arm();
                armed++;
            }
            if (!hasWork) {
                sleeps++;
                epoll.await(timeoutNanos, IGNORE);
            }
        } finally {
            disarm(armed);
        }
        // What woke us is rarely alone: look a while for what follows it.
        isWorking = true;
        return !hasWork;
    }

    private boolean isRecent() {
        if (policy.spinNanos() == 0) {
            return false;
        }
        long now = System.nanoTime();
        if (isWorking) {
            isWorking = false;
            idleSinceNanos = now;
        }
        return now - idleSinceNanos < policy.spinNanos();
    }

    private void disarm(int count) {
        for (int i = 0; i < count; i++) {
            queues[i].disarm();
        }
    }

    /** How often it has slept since the start. */
    public long sleeps() {
        return sleeps;
    }

    @Override
    public void close() {
        epoll.close();
    }
}
