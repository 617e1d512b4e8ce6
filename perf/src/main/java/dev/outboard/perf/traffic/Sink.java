package dev.outboard.perf.traffic;

import dev.outboard.driver.net.FrameHandler;
import dev.outboard.driver.net.ReceiveQueue;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.HdrHistogram.Histogram;

/**
 * Takes whatever frames come, and looks into those that count. The thread of its queue; {@link
 * #received} may be asked by any. Nothing allocates after the constructor.
 */
final class Sink implements FrameHandler {
    private static final int BATCH = 64;
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final int MASK = 0xffff;
    private static final VarHandle RECEIVED;

    static {
        try {
            RECEIVED = MethodHandles.lookup().findVarHandle(Sink.class, "received", long.class);
        } catch (ReflectiveOperationException impossible) {
            throw new ExceptionInInitializerError(impossible);
        }
    }

    private final ReceiveQueue queue;
    private final FlowTracker flows;
    private final Histogram ages;
    private final BooleanSupplier stop;
    private long bytes;
    private int shortestBytes;
    private int longestBytes;
    private long pollNanos;

    /** Written by the queue's thread alone. */
    private long received;

    /**
     * @param flows told of every frame that counts; null where nobody looks into frames
     * @param ages takes the nanoseconds that frames were on their way; null likewise
     */
    Sink(ReceiveQueue queue, FlowTracker flows, Histogram ages, BooleanSupplier stop) {
        this.queue = queue;
        this.flows = flows;
        this.ages = ages;
        this.stop = stop;
    }

    /** Waits for the first frame, or to be stopped. */
    void awaitFirst() {
        while (!queue.await(LOOK_NANOS) && !stop.getAsBoolean()) {
            Thread.onSpinWait();
        }
    }

    /** Takes frames for a time; returns how many. */
    long run(long durationNanos) {
        long start = System.nanoTime();
        long before = received;
        while (System.nanoTime() - start < durationNanos && !stop.getAsBoolean()) {
            if (poll() == 0) {
                queue.await(LOOK_NANOS);
            }
        }
        return received - before;
    }

    /** Takes frames until none has come for so long. */
    void awaitQuiet(long quietNanos) {
        long heard = System.nanoTime();
        while (System.nanoTime() - heard < quietNanos && !stop.getAsBoolean()) {
            if (poll() > 0) {
                heard = System.nanoTime();
            } else {
                queue.await(Math.min(quietNanos, LOOK_NANOS));
            }
        }
    }

    private int poll() {
        pollNanos = 0;
        int count = queue.poll(this, BATCH);
        if (count > 0) {
            RECEIVED.setOpaque(this, received + count);
        }
        return count;
    }

    @Override
    public void onFrame(MemorySegment memory, long at, int lengthBytes) {
        bytes += lengthBytes;
        shortestBytes = shortestBytes == 0 ? lengthBytes : Math.min(shortestBytes, lengthBytes);
        longestBytes = Math.max(longestBytes, lengthBytes);
        if (flows != null && isOurs(memory, at, lengthBytes)) {
            look(memory, at);
        }
    }

    /** Whether a frame is one that counts. */
    static boolean isOurs(MemorySegment memory, long at, int lengthBytes) {
        return lengthBytes >= TrafficDescriptor.LEAST_BYTES
                && memory.get(TrafficDescriptor.SHORT, at + TrafficDescriptor.ETHER_TYPE)
                        == TrafficDescriptor.ETHER_TYPE_IPV4
                && memory.get(ValueLayout.JAVA_BYTE, at + TrafficDescriptor.IPV4_PROTOCOL)
                        == TrafficDescriptor.PROTOCOL_UDP
                && memory.get(TrafficDescriptor.INT, at + TrafficDescriptor.MARK)
                        == TrafficDescriptor.MARK_VALUE;
    }

    private void look(MemorySegment memory, long at) {
        int port = memory.get(TrafficDescriptor.SHORT, at + TrafficDescriptor.UDP) & MASK;
        int session = memory.get(TrafficDescriptor.SHORT, at + TrafficDescriptor.SESSION) & MASK;
        flows.accept(
                session,
                port - TrafficDescriptor.FROM_PORT,
                memory.get(TrafficDescriptor.LONG, at + TrafficDescriptor.NUMBER));
        if (pollNanos == 0) {
            pollNanos = System.nanoTime();
        }
        long age = pollNanos - memory.get(TrafficDescriptor.LONG, at + TrafficDescriptor.STAMP);
        // A stamp is anybody's; and a frame of this batch may be younger than its beginning.
        ages.recordValue(Math.clamp(age, 0, ages.getHighestTrackableValue()));
    }

    /** Frames so far. Any thread. */
    long received() {
        return (long) RECEIVED.getOpaque(this);
    }

    /** Their bytes. */
    long bytes() {
        return bytes;
    }

    /** The shortest of them; 0 where there was none. */
    int shortestBytes() {
        return shortestBytes;
    }

    /** The longest of them. */
    int longestBytes() {
        return longestBytes;
    }

    /** What was found in their flows; null where nobody looked. */
    FlowTracker flows() {
        return flows;
    }

    /** How long they were on their way, in nanoseconds; null where nobody looked. */
    Histogram ages() {
        return ages;
    }
}
