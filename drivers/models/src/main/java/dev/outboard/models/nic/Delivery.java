package dev.outboard.models.nic;

import static dev.outboard.virtio.NetDescriptor.ETHERNET_HEADER_BYTES;
import static dev.outboard.virtio.NetDescriptor.HEADER_BYTES;

import dev.outboard.backend.AwaitedException;
import dev.outboard.backend.DeviceQueue;
import dev.outboard.backend.DmaCursor;
import dev.outboard.virtio.NetDescriptor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Puts the frame at hand into a receiver's buffers: into one chain, or into several where its
 * driver takes that; as it is, or as its driver takes it. All of it, or nothing.
 *
 * <p>One for a switch. The loop's thread, within a DMA section of the sender; nothing allocates.
 */
final class Delivery {
    /** What became of a frame for one receiver. */
    static final int DELIVERED = 0;

    static final int NOT_DELIVERED = 1;
    static final int SOURCE_FAULT = 2;
    static final int WAIT = 3;

    static final int MALFORMED = 4;

    private static final int TARGET_FAULT = 5;
    private static final int NO_BUFFERS = 6;

    /** Where nothing is short: a translation is awaited. */
    private static final int UNKNOWN = -1;

    /** Of the marks of a queue. */
    private static final int FRAME_MARK = 0;

    static final int COUNT_MARK = 1;

    /** A buffer that holds less holds no frame. */
    private static final int LEAST_BUFFER_BYTES = HEADER_BYTES + ETHERNET_HEADER_BYTES;

    private static final int MOST_BUFFERS = 0xffff;

    private static final ValueLayout.OfLong U64 =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt U32 =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final long backPressureNanos;
    private final DmaCursor target = new DmaCursor();
    private final MemorySegment header = Arena.ofAuto().allocate(HEADER_BYTES, Long.BYTES);
    private final SegmentCutter cutter = new SegmentCutter();
    private int placedFrames;
    private long placedBytes;

    /** Behind the last of too few buffers. */
    private int shortOf;

    Delivery(long backPressureNanos) {
        this.backPressureNanos = backPressureNanos;
    }

    /**
     * Gives the frame to a receiver, which is there.
     *
     * @param mayWait whether to wait for a buffer; for the translation of one is always waited
     */
    int deliver(Frame frame, Receiver to, boolean mayWait, long nowNanos) {
        if (!to.isReady()) {
            shortOf = UNKNOWN;
            return starve(to, true, nowNanos);
        }
        to.port.session().enter();
        try {
            return give(frame, to, mayWait, nowNanos);
        } catch (AwaitedException awaited) {
            if (awaited.queue() != to.queue()) {
                throw awaited;
            }
            to.port.session().await(awaited);
            shortOf = UNKNOWN;
            return starve(to, true, nowNanos);
        }
    }

    private int give(Frame frame, Receiver to, boolean mayWait, long nowNanos) {
        DeviceQueue queue = to.queue();
        if (!loadBuffer(to.port, queue)) {
            return starve(to, mayWait, nowNanos);
        }
        queue.refuseDoorbell();
        queue.mark(FRAME_MARK);
        placedFrames = 0;
        placedBytes = 0;
        int outcome = NO_BUFFERS;
        try {
            outcome = attempt(frame, to.port, queue);
        } finally {
            // Also on a fault of any kind: what is there in part is as if it were not.
            if (outcome != DELIVERED) {
                queue.rewind(FRAME_MARK);
            }
        }
        if (outcome == NO_BUFFERS) {
            return starve(to, mayWait, nowNanos);
        }
        to.feed();
        if (outcome == DELIVERED) {
            to.port.counters.add(SwitchPort.RECEIVED_FRAMES, placedFrames);
            to.port.counters.add(SwitchPort.RECEIVED_BYTES, placedBytes);
        } else if (outcome == TARGET_FAULT) {
            // The buffer goes back empty, or its port would never receive again.
            to.port.counters.add(SwitchPort.FAULTS, 1);
            if (queue.hasNext()) {
                queue.load();
                queue.complete(0);
            }
            return NOT_DELIVERED;
        }
        return outcome;
    }

    /** The first chain is loaded. */
    private int attempt(Frame frame, SwitchPort port, DeviceQueue queue) {
        if (FrameHeader.isWhole(frame.first)) {
            return isTooLong(port, frame.bytes) ? tooLong(port) : asItIs(frame, port, queue);
        }
        boolean cut = FrameHeader.gsoType(frame.first) != NetDescriptor.GSO_NONE;
        long shortest =
                cut
                        ? FrameHeader.sumStart(frame.first) + FrameHeader.gsoBytes(frame.first)
                        : frame.bytes;
        if (isTooLong(port, shortest)) {
            return tooLong(port);
        }
        if (port.takes(FrameHeader.guestFeatures(frame.first, cut && frame.isIpv6()))) {
            return asItIs(frame, port, queue);
        }
        if (cut) {
            return inSegments(frame, port, queue);
        }
        port.counters.add(SwitchPort.SUMMED, 1);
        return cutter.sum(frame)
                ? place(cutter.cursor(), frame.bytes, 0, 0, port, queue)
                : SOURCE_FAULT;
    }

    private static boolean isTooLong(SwitchPort port, long frameBytes) {
        return frameBytes > port.shape.mtuBytes() + Frame.BEYOND_MTU_BYTES;
    }

    private static int tooLong(SwitchPort port) {
        port.counters.add(SwitchPort.TOO_LONG, 1);
        return NOT_DELIVERED;
    }

    private int asItIs(Frame frame, SwitchPort port, DeviceQueue queue) {
        if (!frame.rewind()) {
            return SOURCE_FAULT;
        }
        return place(frame.source, frame.bytes, frame.first, frame.second, port, queue);
    }

    private int inSegments(Frame frame, SwitchPort port, DeviceQueue queue) {
        int opened = cutter.open(frame);
        if (opened != Frame.GOOD) {
            return opened == Frame.FAULT ? SOURCE_FAULT : MALFORMED;
        }
        if (isTooLong(port, cutter.mostBytes())) {
            return tooLong(port);
        }
        port.counters.add(SwitchPort.CUT, 1);
        boolean summed = !port.takes(FrameHeader.guestFeatures(0, false));
        long first = summed ? 0 : FrameHeader.unsummed(cutter.transport());
        int second = summed ? 0 : frame.second;
        for (int number = 0; number < cutter.segments(); number++) {
            if (number > 0 && !loadBuffer(port, queue)) {
                return NO_BUFFERS;
            }
            int length = cutter.cut(frame, number, summed);
            int outcome =
                    length < 0
                            ? SOURCE_FAULT
                            : place(cutter.cursor(), length, first, second, port, queue);
            if (outcome != DELIVERED) {
                return outcome;
            }
        }
        return DELIVERED;
    }

    /** Finds a buffer that can hold some frame; one that can hold none goes back empty. */
    private boolean loadBuffer(SwitchPort port, DeviceQueue queue) {
        while (queue.hasNext()) {
            queue.load();
            if (queue.chain().writableBytes() >= LEAST_BUFFER_BYTES) {
                return true;
            }
            port.counters.add(SwitchPort.TOO_LONG, 1);
            queue.complete(0);
        }
        shortOf = queue.next();
        return false;
    }

    /** Puts one frame into the loaded chain, and those behind it. */
    private int place(
            DmaCursor source,
            long frameBytes,
            long first,
            int second,
            SwitchPort port,
            DeviceQueue queue) {
        long wanted = HEADER_BYTES + frameBytes;
        int buffers = 1;
        if (queue.chain().writableBytes() < wanted) {
            if (!port.isMergeable()) {
                return tooLong(port);
            }
            buffers = count(queue, wanted);
            if (buffers == 0) {
                return NO_BUFFERS;
            }
            queue.load();
            if (queue.chain().writableBytes() < LEAST_BUFFER_BYTES) {
                // It was longer when it was counted.
                return TARGET_FAULT;
            }
        }
        target.openWritable(queue);
        if (!writeHeader(first, FrameHeader.withBuffers(second, buffers))) {
            return TARGET_FAULT;
        }
        int outcome =
                buffers == 1
                        ? copyWhole(source, frameBytes, queue)
                        : spread(source, frameBytes, buffers, queue);
        if (outcome == DELIVERED) {
            placedFrames++;
            placedBytes += frameBytes;
        }
        return outcome;
    }

    private int copyWhole(DmaCursor source, long frameBytes, DeviceQueue queue) {
        int outcome = copy(source, frameBytes);
        if (outcome == DELIVERED) {
            queue.complete(HEADER_BYTES + frameBytes);
        }
        return outcome;
    }

    /** How many chains from the next on hold so many bytes; 0 when there are not enough. */
    private int count(DeviceQueue queue, long wanted) {
        queue.mark(COUNT_MARK);
        long room = 0;
        int buffers = 0;
        while (room < wanted && buffers < MOST_BUFFERS && queue.hasNext()) {
            queue.load();
            room += queue.chain().writableBytes();
            queue.complete(0);
            buffers++;
        }
        shortOf = queue.next();
        queue.rewind(COUNT_MARK);
        return room < wanted ? 0 : buffers;
    }

    /** The header is written, into the first of the chains. */
    private int spread(DmaCursor source, long frameBytes, int buffers, DeviceQueue queue) {
        long left = frameBytes;
        long before = HEADER_BYTES;
        for (int buffer = 0; buffer < buffers; buffer++) {
            if (buffer > 0) {
                queue.load();
                target.openWritable(queue);
            }
            long part = Math.min(left, queue.chain().writableBytes() - before);
            int outcome = copy(source, part);
            if (outcome != DELIVERED) {
                return outcome;
            }
            queue.complete(before + part);
            left -= part;
            before = 0;
        }
        // Buffers that changed since they were counted do not hold what the header says.
        return left == 0 ? DELIVERED : TARGET_FAULT;
    }

    private int copy(DmaCursor source, long bytes) {
        long left = bytes;
        while (left > 0) {
            if (source.lengthBytes == 0 && !source.next()) {
                return SOURCE_FAULT;
            }
            if (target.lengthBytes == 0 && !target.next()) {
                return TARGET_FAULT;
            }
            long part = Math.min(left, Math.min(source.lengthBytes, target.lengthBytes));
            MemorySegment.copy(source.memory, source.offset, target.memory, target.offset, part);
            source.take(part);
            target.take(part);
            left -= part;
        }
        return DELIVERED;
    }

    private boolean writeHeader(long first, int second) {
        if (!target.next()) {
            return false;
        }
        if (target.lengthBytes < HEADER_BYTES) {
            header.set(U64, 0, first);
            header.set(U32, Long.BYTES, second);
            return target.copyFrom(header, 0, HEADER_BYTES);
        }
        target.memory.set(U64, target.offset, first);
        target.memory.set(U32, target.offset + Long.BYTES, second);
        target.take(HEADER_BYTES);
        return true;
    }

    private int starve(Receiver to, boolean mayWait, long nowNanos) {
        to.starve(shortOf, nowNanos);
        if (mayWait && nowNanos - to.starvedNanos < backPressureNanos) {
            return WAIT;
        }
        to.port.counters.add(SwitchPort.NO_BUFFER, 1);
        return NOT_DELIVERED;
    }
}
