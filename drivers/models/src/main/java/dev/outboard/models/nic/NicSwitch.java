package dev.outboard.models.nic;

import dev.outboard.backend.AwaitedException;
import dev.outboard.backend.DeviceEngine;
import dev.outboard.backend.DeviceQueue;
import dev.outboard.backend.PortSession;
import dev.outboard.backend.RingException;
import dev.outboard.backend.loop.DeviceLoop;

/**
 * A learning switch: takes frames from the senders' rings and puts them into the receivers', with
 * one copy, from memory to memory.
 *
 * <pre>
 *   port 0's memory           switch                         port 1's memory
 *   transmit ring ──load──► addresses ──► learned? ──load──► receive ring
 *   frame ────────────────── one copy ─────────────────────► buffer
 *   complete ◄──────────────────────────────────────────────── complete, publish, interrupt
 * </pre>
 *
 * <p>A frame whose only receiver has no buffers stays in the sender's ring, for a limited time: two
 * well-behaved drivers lose nothing. The loop's thread; nothing allocates.
 */
public final class NicSwitch implements DeviceEngine {
    /** Frames from one queue in one DMA section; their completions are shown together. */
    static final int BURST = 64;

    /** How many bursts there may be until control queues are looked at. */
    private static final int BURSTS_A_LOOK = 16;

    private static final long GROUP_BIT = 1;

    private final SwitchPort[] ports;
    private final MacTable learned;
    private final long backPressureNanos;
    private final Frame frame = new Frame();
    private final Delivery delivery;
    private int first;
    private int bursts;

    public NicSwitch(SwitchPort[] ports, MacTable learned, long backPressureNanos) {
        this.ports = ports.clone();
        this.learned = learned;
        this.backPressureNanos = backPressureNanos;
        delivery = new Delivery(backPressureNanos);
    }

    /**
     * A burst from each queue.
     *
     * @return whether any frame was taken, or any order
     * @throws RingException when a driver broke a ring; sections may be open
     */
    @Override
    public boolean poll(long nowNanos) {
        boolean worked = false;
        // Each port comes first in turn, so that none gets all of a scarce receiver's buffers.
        first = first + 1 < ports.length ? first + 1 : 0;
        for (int i = 0; i < ports.length; i++) {
            int turn = first + i;
            var port = ports[turn < ports.length ? turn : turn - ports.length];
            port.refresh();
            if (port.isServed()) {
                for (var sender : port.senders) {
                    worked |= forward(sender, nowNanos);
                }
            }
        }
        if (!worked || ++bursts == BURSTS_A_LOOK) {
            bursts = 0;
            worked |= obey();
        }
        return worked;
    }

    private boolean obey() {
        boolean worked = false;
        for (var port : ports) {
            worked |= port.isServed() && port.control.serve();
        }
        return worked;
    }

    private boolean forward(Sender from, long nowNanos) {
        from.unblock();
        if (!from.isReady()) {
            return false;
        }
        PortSession session = from.port.session();
        session.enter();
        int taken = 0;
        try {
            DeviceQueue queue = from.queue();
            if (queue.hasNext()) {
                queue.refuseDoorbell();
            }
            while (taken < BURST && queue.hasNext() && take(from, queue, nowNanos)) {
                from.nextFrame();
                taken++;
                checkpointAll();
            }
        } catch (AwaitedException awaited) {
            // The frame stays the next, with those who have it already remembered.
            session.await(awaited);
        }
        leaveAll();
        return taken > 0;
    }

    /** Between two frames: whoever flushes waits for one frame, not for a burst. */
    private void checkpointAll() {
        for (var port : ports) {
            PortSession session = port.session();
            if (session != null && session.isInside()) {
                session.checkpoint();
            }
        }
    }

    private void leaveAll() {
        for (var port : ports) {
            PortSession session = port.session();
            if (session != null && session.isInside()) {
                session.leave();
            }
        }
    }

    /** Takes the next frame; false when it has to wait for its receiver. */
    private boolean take(Sender from, DeviceQueue queue, long nowNanos) {
        queue.load();
        SwitchPort port = from.port;
        int opened = frame.open(queue, port.accepted(), port.shape.mtuBytes());
        if (opened != Frame.GOOD) {
            int counter = opened == Frame.FAULT ? SwitchPort.FAULTS : SwitchPort.MALFORMED;
            return drop(port, queue, counter);
        }
        if ((frame.origin & GROUP_BIT) == 0) {
            learned.learn(frame.origin, port.index, nowNanos);
        }
        port.learnFlow(frame, from.pair);
        int outcome = send(from, nowNanos);
        switch (outcome) {
            case Delivery.WAIT -> {
                from.block();
                return false;
            }
            case Delivery.SOURCE_FAULT -> {
                return drop(port, queue, SwitchPort.FAULTS);
            }
            case Delivery.MALFORMED -> {
                return drop(port, queue, SwitchPort.MALFORMED);
            }
            default -> {
                queue.complete(0);
                port.counters.add(SwitchPort.SENT_FRAMES, 1);
                port.counters.add(SwitchPort.SENT_BYTES, frame.bytes);
                return true;
            }
        }
    }

    private static boolean drop(SwitchPort from, DeviceQueue queue, int counter) {
        from.counters.add(counter, 1);
        queue.complete(0);
        return true;
    }

    private int send(Sender from, long nowNanos) {
        SwitchPort port = from.port;
        if (!port.isLinkUp()) {
            return nowhere(port);
        }
        boolean toGroup = (frame.target & GROUP_BIT) != 0;
        int known = toGroup ? MacTable.UNKNOWN : learned.find(frame.target, nowNanos);
        SwitchPort only = known == MacTable.UNKNOWN ? onlyOther(port) : ports[known];
        if (only == null) {
            return flood(from, nowNanos);
        }
        if (only == port || !only.canReceive()) {
            return nowhere(port);
        }
        return offer(only, true, nowNanos);
    }

    private static int nowhere(SwitchPort port) {
        port.counters.add(SwitchPort.NOWHERE, 1);
        return Delivery.NOT_DELIVERED;
    }

    /** Gives the frame to a port that can receive, if its driver wants it. */
    private int offer(SwitchPort to, boolean mayWait, long nowNanos) {
        if (!to.filter.wants(frame, to.mac())) {
            to.counters.add(SwitchPort.FILTERED, 1);
            return Delivery.NOT_DELIVERED;
        }
        return delivery.deliver(frame, to.receiver(frame), mayWait, nowNanos);
    }

    /**
     * The one port that a frame for all would reach, itself where there is none, null for several.
     */
    private SwitchPort onlyOther(SwitchPort from) {
        SwitchPort only = from;
        for (var port : ports) {
            if (port != from && port.canReceive()) {
                if (only != from) {
                    return null;
                }
                only = port;
            }
        }
        return only;
    }

    private int flood(Sender from, long nowNanos) {
        boolean waits = false;
        for (var port : ports) {
            if (port != from.port && port.canReceive() && !from.hasReached(port)) {
                int outcome = offer(port, false, nowNanos);
                if (outcome == Delivery.SOURCE_FAULT || outcome == Delivery.MALFORMED) {
                    return outcome;
                }
                if (outcome == Delivery.WAIT) {
                    waits = true;
                } else {
                    from.reached(port);
                }
            }
        }
        return waits ? Delivery.WAIT : Delivery.DELIVERED;
    }

    /**
     * Asks for the doorbells that would bring work.
     *
     * @return whether there is work already
     */
    @Override
    public boolean askForDoorbells() {
        boolean work = false;
        for (var port : ports) {
            if (port.session() == null || !port.session().isRunning()) {
                continue;
            }
            port.session().enter();
            work |= askForDoorbells(port);
            port.session().leave();
        }
        return work;
    }

    private boolean askForDoorbells(SwitchPort port) {
        boolean work = port.session().askForDoorbell(port.controlQueue());
        for (var sender : port.senders) {
            // Frames that wait for a starved receiver are no reason to stay awake.
            work |= !sender.isBlocked() && sender.askForDoorbell();
        }
        for (var receiver : port.receivers) {
            // One that awaits a translation has buffers, and needs no doorbell.
            if (receiver.isStarved() && receiver.askForDoorbell()) {
                receiver.feed();
                // Buffers are work only for those who wait for them.
                work |= isAnyBlocked();
            }
        }
        return work;
    }

    private boolean isAnyBlocked() {
        for (var port : ports) {
            for (var sender : port.senders) {
                if (sender.isBlocked()) {
                    return true;
                }
            }
        }
        return false;
    }

    /** Until the first sender's patience is over. */
    @Override
    public long sleepLimitNanos(long nowNanos) {
        long limit = DeviceLoop.FOREVER;
        for (var port : ports) {
            for (var receiver : port.receivers) {
                long left = receiver.starvedNanos + backPressureNanos - nowNanos;
                if (receiver.isStarved() && left > 0 && (limit < 0 || left < limit)) {
                    limit = left;
                }
            }
        }
        return limit;
    }
}
