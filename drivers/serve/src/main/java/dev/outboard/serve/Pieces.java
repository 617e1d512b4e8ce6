package dev.outboard.serve;

import dev.outboard.backend.DmaCursor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The bytes of a frame in pieces, each contiguous as this process sees it. One thread; the memory
 * is taken once.
 */
final class Pieces {
    private final MemorySegment[] memories;
    private final long[] offsets;
    private final int[] lengths;
    private int count;
    private int lengthBytes;

    Pieces(int most) {
        memories = new MemorySegment[most];
        offsets = new long[most];
        lengths = new int[most];
    }

    void clear() {
        count = 0;
        lengthBytes = 0;
    }

    /** One more; false if they are too many. */
    boolean add(MemorySegment memory, long offset, int bytes) {
        if (count == lengths.length) {
            return false;
        }
        memories[count] = memory;
        offsets[count] = offset;
        lengths[count] = bytes;
        count++;
        lengthBytes += bytes;
        return true;
    }

    int count() {
        return count;
    }

    int lengthBytes() {
        return lengthBytes;
    }

    MemorySegment memory(int piece) {
        return memories[piece];
    }

    long offset(int piece) {
        return offsets[piece];
    }

    int lengthBytes(int piece) {
        return lengths[piece];
    }

    /** A byte of the frame, or -1 if it is shorter. */
    int byteAt(int position) {
        int at = position;
        for (int i = 0; i < count; i++) {
            if (at < lengths[i]) {
                return memories[i].get(ValueLayout.JAVA_BYTE, offsets[i] + at) & 0xff;
            }
            at -= lengths[i];
        }
        return -1;
    }

    /** Copies the whole frame. */
    void copyTo(MemorySegment target, long targetOffset) {
        long to = targetOffset;
        for (int i = 0; i < count; i++) {
            MemorySegment.copy(memories[i], offsets[i], target, to, lengths[i]);
            to += lengths[i];
        }
    }

    /**
     * Copies some of the frame into a chain.
     *
     * @return false on a fault of the chain
     */
    boolean copyTo(DmaCursor target, int from, long bytes) {
        long skip = from;
        long left = bytes;
        for (int i = 0; left > 0; i++) {
            if (skip >= lengths[i]) {
                skip -= lengths[i];
                continue;
            }
            long part = Math.min(left, lengths[i] - skip);
            if (!target.copyFrom(memories[i], offsets[i] + skip, part)) {
                return false;
            }
            left -= part;
            skip = 0;
        }
        return true;
    }
}
