package dev.outboard.serve;

import dev.outboard.backend.AwaitedException;
import dev.outboard.backend.DeviceEngine;
import dev.outboard.backend.DeviceQueue;
import dev.outboard.backend.PortSession;
import dev.outboard.backend.loop.DeviceLoop;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.net.ReceiveQueue;
import dev.outboard.driver.net.TransmitQueue;

/**
 * Between a client's rings and the driver's queues: a burst each way in one DMA section. The loop's
 * thread, which owns the queues.
 *
 * <p>What the client does wrong ends its session; what the device does wrong ends the run, and is
 * kept for it as {@link #failure}.
 */
final class ServeEngine implements DeviceEngine {
    /** How long the device may take to send what a client wants back. */
    static final long DRAIN_NANOS = 1_000_000_000;

    private final DeviceLoop loop;
    private final TransmitQueue transmit;
    private final ReceiveQueue receive;
    private final Outbound outbound;
    private final Inbound inbound;
    private ServedPort port;
    private boolean isReceiveArmed;
    private boolean isTransmitArmed;
    private DeviceException failure;

    ServeEngine(
            DeviceLoop loop,
            TransmitQueue transmit,
            ReceiveQueue receive,
            Outbound outbound,
            Inbound inbound) {
        this.loop = loop;
        this.transmit = transmit;
        this.receive = receive;
        this.outbound = outbound;
        this.inbound = inbound;
    }

    /** Whom it serves; before anything else. */
    void serve(ServedPort served) {
        port = served;
    }

    /** A client came, or is gone: nothing of one is another's. */
    void forgetClient() {
        outbound.forget();
        inbound.forget();
    }

    /** Gives a transmit ring back all that was taken of it; false if the device does not let go. */
    boolean letGo(PortSession session) {
        if (!outbound.drain(DRAIN_NANOS)) {
            return false;
        }
        session.enter();
        outbound.finish(queue(session, ServedPort.TRANSMIT));
        session.leave();
        outbound.begin();
        return true;
    }

    /** What the device did wrong, or null. */
    DeviceException failure() {
        return failure;
    }

    private boolean failed(DeviceException e) {
        if (failure == null) {
            failure = e;
        }
        loop.stop();
        return false;
    }

    @Override
    public boolean poll(long nowNanos) {
        if (failure != null) {
            return false;
        }
        PortSession session = port.session();
        try {
            if (session == null || !session.isRunning()) {
                outbound.tend();
                return inbound.poll(null, 0, nowNanos);
            }
            session.enter();
            boolean worked = exchange(session, nowNanos);
            session.leave();
            return worked;
        } catch (AwaitedException awaited) {
            session.await(awaited);
            session.leave();
            return false;
        } catch (DeviceException e) {
            return failed(e);
        }
    }

    private boolean exchange(PortSession session, long nowNanos) {
        long features = session.acceptedFeatures();
        boolean worked = false;
        if (session.isReady(ServedPort.TRANSMIT)) {
            // A client that takes translations back wants no device to have its memory meanwhile.
            boolean mayLend = !session.isAsking();
            worked = outbound.poll(queue(session, ServedPort.TRANSMIT), features, mayLend);
        } else {
            outbound.tend();
        }
        boolean receives = session.isReady(ServedPort.RECEIVE);
        DeviceQueue buffers = receives ? queue(session, ServedPort.RECEIVE) : null;
        return worked | inbound.poll(buffers, features, nowNanos);
    }

    private static DeviceQueue queue(PortSession session, int index) {
        return session.vring(index).queue();
    }

    @Override
    public boolean askForDoorbells() {
        boolean work = false;
        PortSession session = port.session();
        if (session != null && session.isRunning()) {
            session.enter();
            // What waits for the device's room is no reason to stay awake.
            work = !outbound.isBlocked() && session.askForDoorbell(ServedPort.TRANSMIT);
            if (inbound.isWaiting()) {
                work |= session.askForDoorbell(ServedPort.RECEIVE);
            }
            session.leave();
        }
        try {
            return work | arm();
        } catch (DeviceException e) {
            return failed(e);
        }
    }

    private boolean arm() {
        boolean work = false;
        if (!inbound.isWaiting()) {
            isReceiveArmed = true;
            work = receive.arm();
        }
        if (outbound.isWaiting()) {
            isTransmitArmed = true;
            work |= transmit.arm();
        }
        return work;
    }

    /** The loop is awake again. */
    void disarm() {
        try {
            if (isReceiveArmed) {
                isReceiveArmed = false;
                receive.disarm();
            }
            if (isTransmitArmed) {
                isTransmitArmed = false;
                transmit.disarm();
            }
        } catch (DeviceException e) {
            failed(e);
        }
    }

    @Override
    public long sleepLimitNanos(long nowNanos) {
        return inbound.isWaiting()
                ? Math.max(0, inbound.deadlineNanos() - nowNanos)
                : DeviceLoop.FOREVER;
    }
}
