package dev.outboard.uio;

import dev.outboard.uio.nativecall.DataCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A part of a file in this process's address space, until it is closed.
 *
 * <p>The memory may be used by any thread; after {@link #close()} every access throws, in whichever
 * thread, and never reaches memory that was mapped there later. If another process shortens the
 * file an access beyond its end is a fault: map only what {@link MemoryFile#isSizeSealed()} vouches
 * for.
 */
public final class Mapping implements AutoCloseable {
    /** A multiple of the page size of every processor that Linux runs on. */
    private static final long PAGE_BYTES = 65536;

    private final Arena arena;
    private final MemorySegment memory;
    private final boolean writable;

    private Mapping(Arena arena, MemorySegment memory, boolean writable) {
        this.arena = arena;
        this.memory = memory;
        this.writable = writable;
    }

    // SAFETY: the segment is exactly what mmap returned, less what rounding to pages added at both
    // ends; its arena unmaps it when it closes, and is closed by this object alone.
    @SuppressWarnings("restricted")
    static Mapping of(
            Descriptor file, long offsetBytes, long lengthBytes, boolean writable, int blockBytes) {
        // Files of huge pages are mapped, and unmapped, by whole pages: their blocks.
        long pageBytes = Math.max(PAGE_BYTES, Long.highestOneBit(blockBytes));
        long before = offsetBytes % pageBytes;
        long needed = lengthBytes + before;
        long mappedBytes = blockBytes > PAGE_BYTES ? roundUp(needed, pageBytes) : needed;
        long address = DataCalls.map(file.number(), offsetBytes - before, mappedBytes, writable);
        if (address < 0) {
            throw Failures.failure(
                    "mmap",
                    address,
                    "%s, offset=0x%x, length=0x%x, writable=%b"
                            .formatted(file, offsetBytes, lengthBytes, writable));
        }
        Arena arena = Arena.ofShared();
        MemorySegment whole =
                MemorySegment.ofAddress(address)
                        .reinterpret(
                                mappedBytes, arena, gone -> DataCalls.unmap(address, mappedBytes));
        MemorySegment part = whole.asSlice(before, lengthBytes);
        return new Mapping(arena, writable ? part : part.asReadOnly(), writable);
    }

    private static long roundUp(long bytes, long pageBytes) {
        return Math.addExact(bytes, pageBytes - 1) & -pageBytes;
    }

    /** The memory: exactly the part that was asked for. Read-only if the mapping is. */
    public MemorySegment memory() {
        return memory;
    }

    /** How long it is. */
    public long lengthBytes() {
        return memory.byteSize();
    }

    /** Whether this process may write there. */
    public boolean isWritable() {
        return writable;
    }

    /**
     * Unmaps; again does nothing.
     *
     * @throws IllegalStateException while a system call of another thread is using the memory
     */
    @Override
    public synchronized void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
