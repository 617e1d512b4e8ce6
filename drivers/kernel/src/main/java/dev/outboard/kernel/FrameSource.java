package dev.outboard.kernel;

import dev.outboard.uio.net.FrameVector;
import dev.outboard.uio.net.VirtioHeader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Takes frames that the kernel sends, and hands them to the device: a batch at a time, one doorbell
 * a batch. The pair's thread; no allocation.
 */
abstract sealed class FrameSource implements AutoCloseable permits BufferSource, SlotSource {
    /** Room behind the longest frame, so that a longer one shows. */
    static final int OVERFLOW_BYTES = 64;

    /** The most frames of one batch. */
    static final int BATCH = 64;

    private final MemorySegment header = Arena.ofAuto().allocate(VirtioHeader.SIZE_BYTES, 8);
    private final MemorySegment overflow = Arena.ofAuto().allocate(OVERFLOW_BYTES);
    private final Counts counts;

    FrameSource(Counts counts) {
        this.counts = counts;
    }

    final MemorySegment header() {
        return header;
    }

    final Counts counts() {
        return counts;
    }

    /** The pieces of a frame: header, room for the longest, and a bit more. */
    final FrameVector vector() {
        FrameVector vector = new FrameVector(3);
        vector.set(0, header, 0, VirtioHeader.SIZE_BYTES);
        vector.set(2, overflow, 0, OVERFLOW_BYTES);
        return vector;
    }

    final void sent(int lengthBytes, long offload) {
        counts.add(Counts.Kind.SENT_FRAMES, 1);
        counts.add(Counts.Kind.SENT_BYTES, lengthBytes);
        if (offload != 0) {
            counts.add(Counts.Kind.SENT_UNFINISHED, 1);
        }
    }

    /**
     * Moves what waits, as far as there is room.
     *
     * @return how many frames; {@link #isFull} tells why there are no more
     * @throws dev.outboard.uio.net.InterfaceGoneException if the interface was deleted
     */
    abstract int move();

    /** Whether the last {@link #move} stopped for want of room, and the kernel may have more. */
    abstract boolean isFull();

    /** Gives back what it holds; the device has to be done with it. */
    @Override
    public abstract void close();
}
