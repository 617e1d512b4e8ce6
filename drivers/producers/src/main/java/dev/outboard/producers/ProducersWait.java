package dev.outboard.producers;

import com.lmax.disruptor.Sequence;
import com.lmax.disruptor.SequenceBarrier;
import com.lmax.disruptor.WaitStrategy;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * How the queue's thread waits for producers: it does not, here. It looks, and where it sleeps on
 * its queue's interrupt, a producer that publishes wakes it.
 *
 * <pre>
 *   sleeper:   asleep = true ── full fence ── look again ── sleep
 *   producer:  publish ──────── full fence ── asleep? ───── wake
 * </pre>
 *
 * <p>The two fences are each other's partners: one of the two sees what the other wrote.
 */
final class ProducersWait implements WaitStrategy {
    private static final VarHandle ASLEEP;

    static {
        try {
            ASLEEP =
                    MethodHandles.lookup()
                            .findVarHandle(ProducersWait.class, "isAsleep", boolean.class);
        } catch (ReflectiveOperationException impossible) {
            throw new ExceptionInInitializerError(impossible);
        }
    }

    private final Runnable waker;
    private boolean isAsleep;

    ProducersWait(Runnable waker) {
        this.waker = waker;
    }

    @Override
    public long waitFor(
            long sequence, Sequence cursor, Sequence dependent, SequenceBarrier barrier) {
        return dependent.get();
    }

    @Override
    public void signalAllWhenBlocking() {
        VarHandle.fullFence();
        if ((boolean) ASLEEP.getOpaque(this) && (boolean) ASLEEP.compareAndSet(this, true, false)) {
            waker.run();
        }
    }

    /** The queue's thread is about to sleep; it looks once more after this. */
    void asleep() {
        ASLEEP.setOpaque(this, true);
        VarHandle.fullFence();
    }

    void awake() {
        ASLEEP.setOpaque(this, false);
    }
}
