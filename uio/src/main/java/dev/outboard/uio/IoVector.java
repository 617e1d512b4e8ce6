package dev.outboard.uio;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Objects;

/**
 * A list of pieces of memory for one read or write: {@code struct iovec}, base (8 bytes) and length
 * (8 bytes) each. Made once, filled and used many times; {@link #clear()} and {@link #add} allocate
 * nothing.
 *
 * <p>One thread. The pieces' memory must stay open until the transfer is done. A transfer consumes
 * the list: clear it before the next.
 */
public final class IoVector implements AutoCloseable {
    /** {@code IOV_MAX} of Linux. */
    public static final int MAX_CAPACITY = 1024;

    private static final long ENTRY_BYTES = 16;
    private static final long LENGTH_OFFSET = 8;

    private final MemorySegment entries;
    private final MemorySegment[] memories;
    private int first;
    private int count;
    private long lengthBytes;

    private IoVector(int capacity) {
        // Held by this object alone, and used within its calls: the collector gives it back.
        entries = Arena.ofAuto().allocate(capacity * ENTRY_BYTES, 8);
        memories = new MemorySegment[capacity];
    }

    /**
     * An empty list.
     *
     * @param capacity how many pieces it can hold: 1 to 1024
     */
    public static IoVector allocate(int capacity) {
        if (capacity < 1 || capacity > MAX_CAPACITY) {
            throw new IllegalArgumentException("capacity is 1 to 1024: capacity=" + capacity);
        }
        return new IoVector(capacity);
    }

    /** Empties the list. */
    public void clear() {
        Arrays.fill(memories, 0, count, null);
        first = 0;
        count = 0;
        lengthBytes = 0;
    }

    /**
     * Adds a piece; one of no bytes is not kept.
     *
     * @return false when the list is full
     */
    public boolean add(MemorySegment memory, long offset, long lengthBytes) {
        Objects.checkFromIndexSize(offset, lengthBytes, memory.byteSize());
        if (!memory.isNative()) {
            throw new IllegalArgumentException("a piece must be in native memory: " + memory);
        }
        if (lengthBytes == 0) {
            return true;
        }
        if (count == memories.length) {
            return false;
        }
        memories[count] = memory;
        long at = count * ENTRY_BYTES;
        entries.set(ValueLayout.JAVA_LONG, at, memory.address() + offset);
        entries.set(ValueLayout.JAVA_LONG, at + LENGTH_OFFSET, lengthBytes);
        this.lengthBytes += lengthBytes;
        count++;
        return true;
    }

    /** How many pieces there are. */
    public int count() {
        return count;
    }

    /** How many bytes are still to be transferred. */
    public long lengthBytes() {
        return lengthBytes;
    }

    /** The entries that are left, for the kernel. */
    MemorySegment remaining() {
        return first == 0 ? entries : entries.asSlice(first * ENTRY_BYTES);
    }

    /** How many entries are left. */
    int remainingCount() {
        return count - first;
    }

    /** Refuses pieces whose memory was closed since: the kernel would use what is there now. */
    void requireAlive() {
        for (int i = first; i < count; i++) {
            if (!memories[i].scope().isAlive()) {
                throw new IllegalStateException("piece " + i + " of the list is already closed");
            }
        }
    }

    /** Takes away what was transferred, maybe in the middle of a piece. */
    void advance(long bytes) {
        long left = bytes;
        lengthBytes -= bytes;
        while (left > 0) {
            long at = first * ENTRY_BYTES;
            long length = entries.get(ValueLayout.JAVA_LONG, at + LENGTH_OFFSET);
            if (left < length) {
                long base = entries.get(ValueLayout.JAVA_LONG, at);
                entries.set(ValueLayout.JAVA_LONG, at, base + left);
                entries.set(ValueLayout.JAVA_LONG, at + LENGTH_OFFSET, length - left);
                return;
            }
            left -= length;
            first++;
        }
    }

    /** Fills the pieces from memory, without a call; consumes the list. */
    public void copyFrom(MemorySegment source, long offset) {
        long at = offset;
        for (int piece = first; piece < count; piece++) {
            MemorySegment memory = memories[piece];
            long length = length(piece);
            MemorySegment.copy(source, at, memory, offsetIn(piece, memory), length);
            at += length;
        }
        clear();
    }

    /** Copies the pieces to memory, without a call; consumes the list. */
    public void copyTo(MemorySegment target, long offset) {
        long at = offset;
        for (int piece = first; piece < count; piece++) {
            MemorySegment memory = memories[piece];
            long length = length(piece);
            MemorySegment.copy(memory, offsetIn(piece, memory), target, at, length);
            at += length;
        }
        clear();
    }

    private long length(int piece) {
        return entries.get(ValueLayout.JAVA_LONG, piece * ENTRY_BYTES + LENGTH_OFFSET);
    }

    private long offsetIn(int piece, MemorySegment memory) {
        return entries.get(ValueLayout.JAVA_LONG, piece * ENTRY_BYTES) - memory.address();
    }

    /** Lets go of the pieces; the list itself goes with the object. */
    @Override
    public void close() {
        clear();
    }
}
