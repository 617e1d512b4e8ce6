package dev.outboard.perf.traffic;

import dev.outboard.driver.net.FrameHandler;
import dev.outboard.driver.net.ReceiveQueue;
import dev.outboard.driver.net.TransmitQueue;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.HdrHistogram.Histogram;

/**
 * One frame at a time, to whoever sends it back: from before it is handed to the device until it
 * has been looked at. One thread owns both queues; nothing allocates after the constructor.
 */
final class RoundTrips implements FrameHandler {
    private static final int BATCH = 32;

    /** A frame that is not back by then is lost. */
    private static final long LOST_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    private final TransmitQueue transmit;
    private final ReceiveQueue receive;
    private final FrameTemplate template;
    private final Histogram times;
    private final BooleanSupplier stop;
    private long number;
    private boolean isBack;
    private long lost;

    /**
     * @param times takes nanoseconds
     */
    RoundTrips(
            TransmitQueue transmit,
            ReceiveQueue receive,
            FrameTemplate template,
            Histogram times,
            BooleanSupplier stop) {
        this.transmit = transmit;
        this.receive = receive;
        this.template = template;
        this.times = times;
        this.stop = stop;
    }

    /**
     * Goes round for a time, or so often.
     *
     * @param limit the most round trips; 0 for no limit
     * @return how many came back
     */
    long run(long durationNanos, long limit) {
        long start = System.nanoTime();
        long back = 0;
        while (System.nanoTime() - start < durationNanos
                && (limit == 0 || back < limit)
                && !stop.getAsBoolean()) {
            long took = once();
            if (took >= 0) {
                back++;
                times.recordValue(Math.min(took, times.getHighestTrackableValue()));
            } else {
                lost++;
            }
        }
        return back;
    }

    /** One round trip in nanoseconds; less than 0 if the frame is lost. */
    private long once() {
        int buffer = transmit.claim();
        if (buffer == TransmitQueue.NONE) {
            transmit.flush();
            transmit.await(LOST_NANOS);
            return -1;
        }
        number++;
        isBack = false;
        long at = transmit.offset(buffer);
        template.write(transmit.memory(), at);
        template.number(transmit.memory(), at, 0, number, 0);
        transmit.commit(buffer, template.lengthBytes());
        long start = System.nanoTime();
        transmit.flush();
        while (!isBack) {
            if (receive.poll(this, BATCH) == 0) {
                long left = LOST_NANOS - (System.nanoTime() - start);
                if (left <= 0 || !receive.await(left) && stop.getAsBoolean()) {
                    return -1;
                }
            }
        }
        return System.nanoTime() - start;
    }

    @Override
    public void onFrame(MemorySegment memory, long at, int lengthBytes) {
        isBack |=
                Sink.isOurs(memory, at, lengthBytes)
                        && memory.get(TrafficDescriptor.LONG, at + TrafficDescriptor.NUMBER)
                                == number;
    }

    /** Frames that did not come back in time. */
    long lost() {
        return lost;
    }

    /** What was recorded, in nanoseconds. */
    Histogram times() {
        return times;
    }
}
