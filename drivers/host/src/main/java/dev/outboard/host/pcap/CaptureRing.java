package dev.outboard.host.pcap;

import dev.outboard.driver.net.FrameWitness;
import dev.outboard.driver.net.ReceivedFrame;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The frames of one queue on their way to a capture: a ring of bytes, written by the queue's thread
 * and read by the capture's. Where it is full a frame is not captured, and counted: the queue never
 * waits. After construction nothing allocates.
 *
 * <pre>
 *   record, a multiple of 8: 0 place u32, 4 captured u32, 8 nanos u64, 16 bytes of the frame u32
 *   24 the frame                          a place without a frame, to the ring's end: captured = -1
 * </pre>
 */
final class CaptureRing implements FrameWitness {
    private static final int HEADER_BYTES = 24;
    private static final int SKIP = -1;
    private static final VarHandle WRITTEN;
    private static final VarHandle TAKEN;
    private static final VarHandle DROPPED;

    static {
        try {
            var lookup = MethodHandles.lookup();
            WRITTEN = lookup.findVarHandle(CaptureRing.class, "written", long.class);
            TAKEN = lookup.findVarHandle(CaptureRing.class, "taken", long.class);
            DROPPED = lookup.findVarHandle(CaptureRing.class, "dropped", long.class);
        } catch (ReflectiveOperationException impossible) {
            throw new ExceptionInInitializerError(impossible);
        }
    }

    private final MemorySegment bytes;
    private final int mask;
    private final int snapBytes;
    private final MemoryLookup memory;

    /** Bytes ever written and shown, by the queue; and as the queue saw last, taken. */
    private long written;

    private long seenTaken;

    /** Bytes ever taken, by the capture. */
    private long taken;

    private long dropped;

    /** Bytes ever written: beyond what is shown by the frame that is being written. */
    private long head;

    /** Where the frame that is written goes. */
    private long at;

    private int left;

    /**
     * @param capacityBytes a power of two
     * @param snapBytes the most that is kept of a frame
     */
    CaptureRing(Arena arena, MemoryLookup memory, int capacityBytes, int snapBytes) {
        bytes = arena.allocate(capacityBytes, Long.BYTES);
        mask = capacityBytes - 1;
        this.snapBytes = snapBytes;
        this.memory = memory;
    }

    @Override
    public void received(ReceivedFrame frame) {
        if (!begin(frame.lengthBytes())) {
            return;
        }
        for (int part = 0; part < frame.parts() && left > 0; part++) {
            add(frame.memory(part), frame.offset(part), frame.lengthBytes(part));
        }
        end();
    }

    @Override
    public void sent(long[] physicalAddresses, int[] lengths, int first, int parts, int skip) {
        int total = -skip;
        for (int part = 0; part < parts; part++) {
            total += lengths[first + part];
        }
        if (!begin(total)) {
            return;
        }
        for (int part = 0; part < parts && left > 0; part++) {
            int before = part == 0 ? skip : 0;
            int lengthBytes = lengths[first + part] - before;
            long physical = physicalAddresses[first + part] + before;
            if (!memory.find(physical, lengthBytes)) {
                // Unplugged by force meanwhile: what is not there reads as zeroes.
                fill(lengthBytes);
            } else {
                add(memory.memory(), memory.offset(), lengthBytes);
            }
        }
        end();
    }

    /** Makes room; false, and it is counted, where there is none. */
    private boolean begin(int frameBytes) {
        int captured = Math.min(frameBytes, snapBytes);
        int place = HEADER_BYTES + captured + Long.BYTES - 1 & -Long.BYTES;
        int position = (int) head & mask;
        int toEnd = mask + 1 - position;
        int needed = place <= toEnd ? place : toEnd + place;
        if (head + needed - seenTaken > mask + 1) {
            seenTaken = (long) TAKEN.getAcquire(this);
            if (head + needed - seenTaken > mask + 1) {
                DROPPED.setOpaque(this, dropped + 1);
                return false;
            }
        }
        if (place > toEnd) {
            bytes.set(ValueLayout.JAVA_INT, position, toEnd);
            bytes.set(ValueLayout.JAVA_INT, position + 4L, SKIP);
            head += toEnd;
            position = 0;
        }
        bytes.set(ValueLayout.JAVA_INT, position, place);
        bytes.set(ValueLayout.JAVA_INT, position + 4L, captured);
        bytes.set(ValueLayout.JAVA_LONG, position + 8L, System.nanoTime());
        bytes.set(ValueLayout.JAVA_INT, position + 16L, frameBytes);
        at = position + (long) HEADER_BYTES;
        left = captured;
        head += place;
        return true;
    }

    private void add(MemorySegment from, long offset, int lengthBytes) {
        int count = Math.min(lengthBytes, left);
        MemorySegment.copy(from, offset, bytes, at, count);
        at += count;
        left -= count;
    }

    private void fill(int lengthBytes) {
        int count = Math.min(lengthBytes, left);
        bytes.asSlice(at, count).fill((byte) 0);
        at += count;
        left -= count;
    }

    /** Shows the record. Its partner is the acquire in {@link #hasNext}. */
    private void end() {
        WRITTEN.setRelease(this, head);
    }

    /** Whether a frame is there. */
    boolean hasNext() {
        long seen = (long) WRITTEN.getAcquire(this);
        if (taken == seen) {
            return false;
        }
        int position = (int) taken & mask;
        if (bytes.get(ValueLayout.JAVA_INT, position + 4L) == SKIP) {
            // A record follows a skip at once: both are shown together.
            TAKEN.setRelease(this, taken + bytes.get(ValueLayout.JAVA_INT, position));
        }
        return true;
    }

    /** When the oldest frame passed; {@link #hasNext} must have said that there is one. */
    long nextNanos() {
        return bytes.get(ValueLayout.JAVA_LONG, ((int) taken & mask) + 8L);
    }

    /**
     * Takes the oldest frame as a record of a file.
     *
     * @param epochNanos what is added to its time
     * @return false, and nothing was taken, where the record does not fit
     */
    boolean take(ByteBuffer record, long epochNanos) {
        int position = (int) taken & mask;
        int captured = bytes.get(ValueLayout.JAVA_INT, position + 4L);
        if (record.remaining() < PcapDescriptor.RECORD_BYTES + captured) {
            return false;
        }
        long nanos = nextNanos() + epochNanos;
        record.order(ByteOrder.LITTLE_ENDIAN)
                .putInt((int) Math.floorDiv(nanos, 1_000_000_000L))
                .putInt((int) Math.floorMod(nanos, 1_000_000_000L))
                .putInt(captured)
                .putInt(bytes.get(ValueLayout.JAVA_INT, position + 16L));
        record.put(bytes.asSlice(position + (long) HEADER_BYTES, captured).asByteBuffer());
        TAKEN.setRelease(this, taken + bytes.get(ValueLayout.JAVA_INT, position));
        return true;
    }

    /** Frames that found no room. Any thread. */
    long dropped() {
        return (long) DROPPED.getOpaque(this);
    }
}
