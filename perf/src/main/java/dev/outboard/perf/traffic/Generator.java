package dev.outboard.perf.traffic;

import dev.outboard.driver.net.TransmitQueue;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayDeque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * Sends numbered frames in bursts, at a rate or as fast as the device takes them. The thread of its
 * queue; {@link #sent} may be asked by any. Nothing allocates after the constructor.
 */
final class Generator {
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final long DRAIN_NANOS = TimeUnit.SECONDS.toNanos(2);

    /** A sleep may take as much longer than asked for: what is due sooner is spun for. */
    private static final long SLEEP_SLACK_NANOS = TimeUnit.MICROSECONDS.toNanos(100);

    private static final VarHandle SENT;

    static {
        try {
            SENT = MethodHandles.lookup().findVarHandle(Generator.class, "sent", long.class);
        } catch (ReflectiveOperationException impossible) {
            throw new ExceptionInInitializerError(impossible);
        }
    }

    private final TransmitQueue queue;
    private final FrameTemplate template;
    private final int burst;
    private final long[] numbers;
    private final BooleanSupplier stop;
    private int flow;

    /** Written by the queue's thread alone. */
    private long sent;

    /**
     * Writes the template into every buffer of the queue, none of which may be claimed.
     *
     * @param flows how many flows take turns
     * @param burst the most frames handed over at a time
     */
    Generator(
            TransmitQueue queue,
            FrameTemplate template,
            int flows,
            int burst,
            BooleanSupplier stop) {
        this.queue = queue;
        this.template = template;
        this.burst = burst;
        this.stop = stop;
        numbers = new long[flows];
        write();
    }

    private void write() {
        var claimed = new ArrayDeque<Integer>();
        for (int buffer = queue.claim(); buffer != TransmitQueue.NONE; buffer = queue.claim()) {
            template.write(queue.memory(), queue.offset(buffer));
            claimed.push(buffer);
        }
        claimed.forEach(queue::abandon);
    }

    /** Frames sent so far. Any thread. */
    long sent() {
        return (long) SENT.getOpaque(this);
    }

    /**
     * Sends for a time, or so many.
     *
     * @param rate frames a second; 0 for as many as the device takes
     * @param limit the most frames; 0 for no limit
     * @return how many were sent
     */
    long run(long durationNanos, double rate, long limit) {
        long start = System.nanoTime();
        long first = sent;
        long most = limit == 0 ? Long.MAX_VALUE : limit;
        long now = start;
        while (now - start < durationNanos && sent - first < most && !stop.getAsBoolean()) {
            long due = rate == 0 ? burst : (long) ((now - start) * rate / 1e9) - (sent - first);
            if (due <= 0) {
                pauseFor(1e9 / rate);
            } else {
                int count = (int) Math.min(Math.min(due, burst), most - (sent - first));
                if (send(count, now) == 0) {
                    queue.await(LOOK_NANOS);
                }
            }
            now = System.nanoTime();
        }
        return sent - first;
    }

    /** Sleeps when frames are far apart; a spin is more exact. */
    private static void pauseFor(double gapNanos) {
        if (gapNanos > 2 * SLEEP_SLACK_NANOS) {
            LockSupport.parkNanos((long) gapNanos - SLEEP_SLACK_NANOS);
        } else {
            Thread.onSpinWait();
        }
    }

    private int send(int count, long now) {
        var memory = queue.memory();
        int wrote = 0;
        while (wrote < count) {
            int buffer = queue.claim();
            if (buffer == TransmitQueue.NONE) {
                break;
            }
            template.number(memory, queue.offset(buffer), flow, numbers[flow]++, now);
            flow = flow + 1 < numbers.length ? flow + 1 : 0;
            queue.commit(buffer, template.lengthBytes());
            wrote++;
        }
        queue.flush();
        SENT.setOpaque(this, sent + wrote);
        return wrote;
    }

    /** Waits until the device has taken what was handed over, so that both ends count the same. */
    void drain() {
        long start = System.nanoTime();
        while (queue.pending() > 0 && System.nanoTime() - start < DRAIN_NANOS) {
            queue.flush();
            if (queue.pending() > 0) {
                queue.await(LOOK_NANOS);
            }
        }
    }
}
