package dev.outboard.uio.net;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;

/**
 * The pieces that one frame is read into, or written from: {@code struct iovec} for the kernel. The
 * memory is taken at construction; one thread.
 */
public final class FrameVector {
    private static final long ENTRY_BYTES = 16;
    private static final long LENGTH_OFFSET = 8;

    private final MemorySegment entries;

    /** Held so that nothing is freed while the kernel may use it. */
    private final MemorySegment[] memories;

    /** Room for so many pieces. */
    public FrameVector(int capacity) {
        entries = Arena.ofAuto().allocate(capacity * ENTRY_BYTES, 8);
        memories = new MemorySegment[capacity];
    }

    /**
     * Says where a piece is.
     *
     * @param memory native memory that stays open until the call that uses it is back
     * @throws IndexOutOfBoundsException if it is not inside that memory
     */
    public void set(int piece, MemorySegment memory, long offset, long lengthBytes) {
        Objects.checkFromIndexSize(offset, lengthBytes, memory.byteSize());
        if (!memory.isNative()) {
            throw new IllegalArgumentException("a piece must be in native memory: " + memory);
        }
        memories[piece] = memory;
        long at = piece * ENTRY_BYTES;
        entries.set(ValueLayout.JAVA_LONG, at, memory.address() + offset);
        entries.set(ValueLayout.JAVA_LONG, at + LENGTH_OFFSET, lengthBytes);
    }

    /** How many pieces it has room for. */
    public int capacity() {
        return memories.length;
    }

    MemorySegment entries() {
        return entries;
    }

    /** The kernel would use what is there now. */
    void requireAlive(int count) {
        for (int i = 0; i < count; i++) {
            if (!memories[i].scope().isAlive()) {
                throw new IllegalStateException("piece " + i + " of the frame is closed already");
            }
        }
    }
}
