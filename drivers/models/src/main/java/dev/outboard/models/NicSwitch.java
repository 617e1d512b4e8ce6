package dev.outboard.models;

import static dev.outboard.virtio.NetDescriptor.ETHERNET_HEADER_BYTES;
import static dev.outboard.virtio.NetDescriptor.HEADER_BUFFERS_OFFSET;
import static dev.outboard.virtio.NetDescriptor.HEADER_BYTES;

import dev.outboard.backend.AwaitedException;
import dev.outboard.backend.DeviceEngine;
import dev.outboard.backend.DeviceQueue;
import dev.outboard.backend.DmaCursor;
import dev.outboard.backend.PortSession;
import dev.outboard.backend.RingException;
import dev.outboard.backend.loop.DeviceLoop;
import dev.outboard.virtio.NetDescriptor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

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
final class NicSwitch implements DeviceEngine {
    /** Frames from one port in one DMA section; their completions are shown together. */
    static final int BURST = 64;

    /** With a VLAN tag (IEEE 802.1Q), which is not part of the MTU. */
    static final int MOST_FRAME_BYTES = NetDescriptor.DEFAULT_MTU_BYTES + ETHERNET_HEADER_BYTES + 4;

    private static final int ALL_HEADERS_BYTES = HEADER_BYTES + ETHERNET_HEADER_BYTES;
    private static final int SOURCE_OFFSET = MacAddress.BYTES;
    private static final long MAC_MASK = 0xffff_ffff_ffffL;
    private static final long GROUP_BIT = 1;

    /** Flags and GSO type: all that a driver without offloads may not set (section 5.1.6.2). */
    private static final long OFFLOAD_MASK = 0xffff;

    private static final ValueLayout.OfLong U64 =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt U32 =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** The second word of a received frame's header: it spans one buffer. */
    private static final int ONE_BUFFER = 1 << (HEADER_BUFFERS_OFFSET - 8) * Byte.SIZE;

    /** What became of a frame for one receiver. */
    private static final int DELIVERED = 0;

    private static final int NOT_DELIVERED = 1;
    private static final int SOURCE_FAULT = 2;
    private static final int WAIT = 3;

    private final SwitchPort[] ports;
    private final MacTable learned;
    private final long backPressureNanos;
    private final MemorySegment scratch = Arena.ofAuto().allocate(ALL_HEADERS_BYTES, 8);
    private final MemorySegment receiveHeader = Arena.ofAuto().allocate(HEADER_BYTES, 8);
    private int first;

    NicSwitch(SwitchPort[] ports, MacTable learned, long backPressureNanos) {
        this.ports = ports;
        this.learned = learned;
        this.backPressureNanos = backPressureNanos;
        receiveHeader.set(U32, 8, ONE_BUFFER);
    }

    /**
     * A burst from each port.
     *
     * @return whether any frame was taken
     * @throws RingException when a driver broke a ring; sections may be open
     */
    @Override
    public boolean poll(long nowNanos) {
        boolean worked = false;
        // Each port comes first in turn, so that none gets all of a scarce receiver's buffers.
        first = first + 1 < ports.length ? first + 1 : 0;
        for (int i = 0; i < ports.length; i++) {
            int turn = first + i;
            worked |= forward(ports[turn < ports.length ? turn : turn - ports.length], nowNanos);
        }
        return worked;
    }

    private boolean forward(SwitchPort from, long nowNanos) {
        from.unblock();
        if (!from.canTransmit()) {
            return false;
        }
        PortSession session = from.session();
        session.enter();
        int taken = 0;
        try {
            DeviceQueue queue = from.transmit();
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
    private boolean take(SwitchPort from, DeviceQueue queue, long nowNanos) {
        queue.load();
        long frameBytes = queue.chain().readableBytes() - HEADER_BYTES;
        if (frameBytes < ETHERNET_HEADER_BYTES || frameBytes > MOST_FRAME_BYTES) {
            return drop(from, queue, SwitchPort.MALFORMED);
        }
        DmaCursor source = from.source;
        source.openReadable(queue);
        if (!source.next()) {
            return drop(from, queue, SwitchPort.FAULTS);
        }
        MemorySegment headers = source.memory;
        long at = source.offset;
        if (source.lengthBytes < ALL_HEADERS_BYTES) {
            if (!source.copyTo(scratch, 0, ALL_HEADERS_BYTES)) {
                return drop(from, queue, SwitchPort.FAULTS);
            }
            source.openReadable(queue);
            headers = scratch;
            at = 0;
        }
        if ((headers.get(U64, at) & OFFLOAD_MASK) != 0) {
            return drop(from, queue, SwitchPort.MALFORMED);
        }
        long target = headers.get(U64, at + HEADER_BYTES) & MAC_MASK;
        long origin = headers.get(U64, at + HEADER_BYTES + SOURCE_OFFSET) & MAC_MASK;
        if ((origin & GROUP_BIT) == 0) {
            learned.learn(origin, from.index, nowNanos);
        }
        int outcome = send(from, queue, target, frameBytes, nowNanos);
        if (outcome == WAIT) {
            from.block();
            return false;
        }
        if (outcome == SOURCE_FAULT) {
            return drop(from, queue, SwitchPort.FAULTS);
        }
        queue.complete(0);
        from.counters.add(SwitchPort.SENT_FRAMES, 1);
        from.counters.add(SwitchPort.SENT_BYTES, frameBytes);
        return true;
    }

    private static boolean drop(SwitchPort from, DeviceQueue queue, int counter) {
        from.counters.add(counter, 1);
        queue.complete(0);
        return true;
    }

    private int send(
            SwitchPort from, DeviceQueue queue, long target, long frameBytes, long nowNanos) {
        int port = (target & GROUP_BIT) != 0 ? MacTable.UNKNOWN : learned.find(target, nowNanos);
        SwitchPort only = port == MacTable.UNKNOWN ? onlyOther(from) : ports[port];
        if (only == null) {
            return flood(from, queue, frameBytes, nowNanos);
        }
        if (only == from || !only.canReceive()) {
            from.counters.add(SwitchPort.NOWHERE, 1);
            return NOT_DELIVERED;
        }
        return deliver(from, only, frameBytes, true, nowNanos);
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

    private int flood(SwitchPort from, DeviceQueue queue, long frameBytes, long nowNanos) {
        boolean waits = false;
        for (var port : ports) {
            if (port != from && port.canReceive() && !from.hasReached(port)) {
                from.source.openReadable(queue);
                int outcome = deliver(from, port, frameBytes, false, nowNanos);
                if (outcome == SOURCE_FAULT) {
                    return outcome;
                }
                if (outcome == WAIT) {
                    waits = true;
                } else {
                    from.reached(port);
                }
            }
        }
        return waits ? WAIT : DELIVERED;
    }

    /**
     * Copies the frame before whose header the sender's cursor stands.
     *
     * @param mayWait whether to wait for a buffer; for the translation of one is always waited
     */
    private int deliver(
            SwitchPort from, SwitchPort to, long frameBytes, boolean mayWait, long nowNanos) {
        if (!to.isReceiveReady()) {
            return starve(to, true, nowNanos);
        }
        to.session().enter();
        try {
            return give(from, to, frameBytes, mayWait, nowNanos);
        } catch (AwaitedException awaited) {
            if (awaited.queue() != to.receive()) {
                throw awaited;
            }
            to.session().await(awaited);
            return starve(to, true, nowNanos);
        }
    }

    private int give(
            SwitchPort from, SwitchPort to, long frameBytes, boolean mayWait, long nowNanos) {
        DeviceQueue buffers = to.receive();
        if (!loadBuffer(to, buffers)) {
            return starve(to, mayWait, nowNanos);
        }
        buffers.refuseDoorbell();
        long bytes = HEADER_BYTES + frameBytes;
        if (buffers.chain().writableBytes() < bytes) {
            to.feed();
            to.counters.add(SwitchPort.TOO_LONG, 1);
            return NOT_DELIVERED;
        }
        to.target.openWritable(buffers);
        int outcome = copy(from.source, to.target, frameBytes);
        to.feed();
        if (outcome == DELIVERED) {
            buffers.complete(bytes);
            to.counters.add(SwitchPort.RECEIVED_FRAMES, 1);
            to.counters.add(SwitchPort.RECEIVED_BYTES, frameBytes);
        } else if (outcome == NOT_DELIVERED) {
            // The buffer goes back empty, or its port would never receive again.
            to.counters.add(SwitchPort.FAULTS, 1);
            buffers.complete(0);
        }
        // After a fault of the source the buffer stays the next one.
        return outcome;
    }

    private int copy(DmaCursor source, DmaCursor target, long frameBytes) {
        if (!source.skip(HEADER_BYTES)) {
            return SOURCE_FAULT;
        }
        if (!writeHeader(target)) {
            return NOT_DELIVERED;
        }
        long left = frameBytes;
        while (left > 0) {
            if (source.lengthBytes == 0 && !source.next()) {
                return SOURCE_FAULT;
            }
            if (target.lengthBytes == 0 && !target.next()) {
                return NOT_DELIVERED;
            }
            long part = Math.min(left, Math.min(source.lengthBytes, target.lengthBytes));
            MemorySegment.copy(source.memory, source.offset, target.memory, target.offset, part);
            source.take(part);
            target.take(part);
            left -= part;
        }
        return DELIVERED;
    }

    /** Finds a buffer that can hold some frame; one that can hold none goes back empty. */
    private static boolean loadBuffer(SwitchPort to, DeviceQueue buffers) {
        while (buffers.hasNext()) {
            buffers.load();
            if (buffers.chain().writableBytes() >= ALL_HEADERS_BYTES) {
                return true;
            }
            to.counters.add(SwitchPort.TOO_LONG, 1);
            buffers.complete(0);
        }
        return false;
    }

    private boolean writeHeader(DmaCursor target) {
        if (!target.next()) {
            return false;
        }
        if (target.lengthBytes < HEADER_BYTES) {
            return target.copyFrom(receiveHeader, 0, HEADER_BYTES);
        }
        target.memory.set(U64, target.offset, 0);
        target.memory.set(U32, target.offset + 8, ONE_BUFFER);
        target.take(HEADER_BYTES);
        return true;
    }

    private int starve(SwitchPort to, boolean mayWait, long nowNanos) {
        to.starve(nowNanos);
        if (mayWait && nowNanos - to.starvedNanos < backPressureNanos) {
            return WAIT;
        }
        to.counters.add(SwitchPort.NO_BUFFER, 1);
        return NOT_DELIVERED;
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
            // Frames that wait for a starved receiver are no reason to stay awake.
            if (!port.isBlocked() && port.askForTransmitDoorbell()) {
                work = true;
            }
            // One that awaits a translation has buffers, and needs no doorbell.
            if (port.isStarved() && port.askForReceiveDoorbell()) {
                port.feed();
                // Buffers are work only for those who wait for them.
                work |= isAnyBlocked();
            }
            port.session().leave();
        }
        return work;
    }

    private boolean isAnyBlocked() {
        for (var port : ports) {
            if (port.isBlocked()) {
                return true;
            }
        }
        return false;
    }

    /** Until the first sender's patience is over. */
    @Override
    public long sleepLimitNanos(long nowNanos) {
        long limit = DeviceLoop.FOREVER;
        for (var port : ports) {
            if (port.isStarved()) {
                long left = port.starvedNanos + backPressureNanos - nowNanos;
                if (left > 0 && (limit < 0 || left < limit)) {
                    limit = left;
                }
            }
        }
        return limit;
    }
}
