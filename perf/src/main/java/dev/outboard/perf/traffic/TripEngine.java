package dev.outboard.perf.traffic;

import dev.outboard.backend.AwaitedException;
import dev.outboard.backend.DeviceEngine;
import dev.outboard.backend.DeviceQueue;
import dev.outboard.backend.DmaCursor;
import dev.outboard.backend.PortSession;
import dev.outboard.backend.loop.DeviceLoop;
import dev.outboard.virtio.NetDescriptor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/**
 * Gives a driver one frame at a time and takes it back: from before the driver can see it until it
 * is seen among what the driver sends. The device's end of a round trip, so that any driver that
 * sends frames back can be timed by the same clock.
 *
 * <pre>
 *   copy into a receive buffer ─► clock ─► publish, interrupt ─► the driver
 *   look into what was sent    ◄─ clock ◄─ poll              ◄─ sends it back
 * </pre>
 *
 * <p>The loop's thread, but for {@link #order} and {@link #isUnder}; nothing allocates.
 */
final class TripEngine implements DeviceEngine {
    /** No port is timed: the device sleeps. */
    static final int NOBODY = -1;

    /** A frame that is not back by then is lost. */
    private static final long LOST_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    private static final int RECEIVE = NetDescriptor.receiveQueue(0);
    private static final int TRANSMIT = NetDescriptor.transmitQueue(0);

    private final TripPort[] ports;
    private final FrameTemplate template;
    private final Histogram times;
    private final MemorySegment frame;
    private final MemorySegment returned;
    private final DmaCursor cursor = new DmaCursor();

    private volatile int wanted = NOBODY;
    private volatile int timed = NOBODY;

    private boolean isOut;
    private long number;
    private long startNanos;
    private long lost;

    /**
     * @param template what is sent
     * @param times takes nanoseconds; read by others only while nobody is timed
     */
    TripEngine(TripPort[] ports, FrameTemplate template, Histogram times) {
        this.ports = ports;
        this.template = template;
        this.times = times;
        int bytes = NetDescriptor.HEADER_BYTES + template.lengthBytes();
        frame = Arena.ofAuto().allocate(bytes, Long.BYTES);
        returned = Arena.ofAuto().allocate(bytes, Long.BYTES);
        // A received frame's header: it spans one buffer.
        frame.set(ValueLayout.JAVA_BYTE, NetDescriptor.HEADER_BUFFERS_OFFSET, (byte) 1);
        template.write(frame, NetDescriptor.HEADER_BYTES);
    }

    /** Wants a port timed from now on, or {@link #NOBODY}; the loop is woken after. Any thread. */
    void order(int port) {
        wanted = port;
    }

    /**
     * Whether the last order is obeyed: after that nothing of the one before goes on. Any thread.
     */
    boolean isUnder(int port) {
        return timed == port;
    }

    /** Frames that did not come back; while nobody is timed. */
    long lost() {
        return lost;
    }

    @Override
    public boolean poll(long nowNanos) {
        if (wanted != timed) {
            begin(wanted);
        }
        if (timed == NOBODY) {
            return false;
        }
        PortSession session = ports[timed].running();
        if (session == null || !session.isReady(RECEIVE) || !session.isReady(TRANSMIT)) {
            return false;
        }
        session.enter();
        try {
            if (takeBack(session.vring(TRANSMIT).queue()) || !isOut || isOverdue()) {
                send(session.vring(RECEIVE).queue());
            }
        } catch (AwaitedException awaited) {
            session.await(awaited);
        }
        session.leave();
        // Awake while somebody is timed: what sleeps here would be timed, too.
        return true;
    }

    private void begin(int port) {
        if (port != NOBODY) {
            times.reset();
            lost = 0;
        }
        isOut = false;
        timed = port;
    }

    private boolean isOverdue() {
        if (System.nanoTime() - startNanos < LOST_NANOS) {
            return false;
        }
        lost++;
        isOut = false;
        return true;
    }

    /** Takes what the driver has sent; true if the frame that is out was among it. */
    private boolean takeBack(DeviceQueue sent) {
        boolean back = false;
        while (sent.hasNext()) {
            sent.refuseDoorbell();
            sent.load();
            back |= isOut && isReturned(sent);
            sent.complete(0);
        }
        if (back) {
            times.recordValue(
                    Math.min(System.nanoTime() - startNanos, times.getHighestTrackableValue()));
            isOut = false;
        }
        return back;
    }

    private boolean isReturned(DeviceQueue sent) {
        long bytes = returned.byteSize();
        if (sent.chain().readableBytes() != bytes) {
            return false;
        }
        cursor.openReadable(sent);
        return cursor.copyTo(returned, 0, bytes)
                && Sink.isOurs(returned, NetDescriptor.HEADER_BYTES, template.lengthBytes())
                && returned.get(
                                TrafficDescriptor.LONG,
                                NetDescriptor.HEADER_BYTES + TrafficDescriptor.NUMBER)
                        == number;
    }

    private void send(DeviceQueue buffers) {
        if (!buffers.hasNext()) {
            return;
        }
        buffers.refuseDoorbell();
        buffers.load();
        long bytes = frame.byteSize();
        if (buffers.chain().writableBytes() < bytes) {
            buffers.complete(0);
            return;
        }
        number++;
        template.number(frame, NetDescriptor.HEADER_BYTES, 0, number, 0);
        cursor.openWritable(buffers);
        if (!cursor.copyFrom(frame, 0, bytes)) {
            buffers.complete(0);
            return;
        }
        buffers.complete(bytes);
        isOut = true;
        startNanos = System.nanoTime();
    }

    @Override
    public boolean askForDoorbells() {
        // Nobody is timed, or nobody is there: an order or a message wakes the loop.
        return false;
    }

    @Override
    public long sleepLimitNanos(long nowNanos) {
        // A driver that was not ready when it was wanted may be by then.
        return timed == NOBODY ? DeviceLoop.FOREVER : DeviceLoop.LOOK_NANOS;
    }
}
