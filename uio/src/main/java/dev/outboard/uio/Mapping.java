package dev.outboard.uio;

import dev.outboard.uio.nativecall.DataCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

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

    private static final long SMALLEST_PAGE_BYTES = 4096;

    /** A huge page of the processors that have transparent ones. */
    private static final long HUGE_PAGE_BYTES = 2 << 20;

    private final Arena arena;
    private final MemorySegment memory;
    private final boolean writable;

    private Mapping(Arena arena, MemorySegment memory, boolean writable) {
        this.arena = arena;
        this.memory = memory;
        this.writable = writable;
    }

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
        return at(address, mappedBytes, before, lengthBytes, writable);
    }

    /**
     * Registers of a device: from just that offset, which is a page's, since what lies before it
     * may not be there to be mapped.
     */
    static Mapping ofDevice(Descriptor node, long offsetBytes, long lengthBytes, boolean writable) {
        long address = DataCalls.map(node.number(), offsetBytes, lengthBytes, writable);
        if (address < 0) {
            throw Failures.failure(
                    "mmap",
                    address,
                    "%s, offset=0x%x, length=0x%x, writable=%b"
                            .formatted(node, offsetBytes, lengthBytes, writable));
        }
        return at(address, lengthBytes, 0, lengthBytes, writable);
    }

    // SAFETY: the segment is exactly what was mapped at this address, by the caller for this; its
    // arena unmaps it when it closes, and is closed by this object alone.
    @SuppressWarnings("restricted")
    private static Mapping at(
            long address, long mappedBytes, long before, long lengthBytes, boolean writable) {
        Arena arena = Arena.ofShared();
        MemorySegment whole =
                MemorySegment.ofAddress(address)
                        .reinterpret(
                                mappedBytes, arena, gone -> DataCalls.unmap(address, mappedBytes));
        MemorySegment part = whole.asSlice(before, lengthBytes);
        return new Mapping(arena, writable ? part : part.asReadOnly(), writable);
    }

    /** All of a file, aligned for huge pages, which the kernel is asked for. */
    static Mapping forHugePages(Descriptor file, long lengthBytes) {
        long room = Math.addExact(lengthBytes, HUGE_PAGE_BYTES);
        long start = DataCalls.reserve(room);
        if (start < 0) {
            throw failure(start, file, lengthBytes);
        }
        long aligned = roundUp(start, HUGE_PAGE_BYTES);
        long address = DataCalls.mapOver(aligned, file.number(), 0, lengthBytes, true);
        if (address < 0) {
            DataCalls.unmap(start, room);
            throw failure(address, file, lengthBytes);
        }
        if (aligned > start) {
            DataCalls.unmap(start, aligned - start);
        }
        long end = roundUp(aligned + lengthBytes, SMALLEST_PAGE_BYTES);
        if (start + room > end) {
            DataCalls.unmap(end, start + room - end);
        }
        // A kernel without them refuses the advice, and the pages stay small.
        DataCalls.adviseHugePages(address, lengthBytes);
        return at(address, lengthBytes, 0, lengthBytes, true);
    }

    /**
     * Several files as one piece of memory, one after the other.
     *
     * @param pageBytes the alignment that their pages need; each file is whole pages
     */
    static Mapping joined(List<MemoryFile> files, long pageBytes) {
        long length = files.stream().mapToLong(MemoryFile::lengthBytes).sum();
        long room = Math.addExact(length, pageBytes);
        long start = DataCalls.reserve(room);
        if (start < 0) {
            throw failure(start, files.getFirst().descriptor(), length);
        }
        long aligned = roundUp(start, pageBytes);
        long at = aligned;
        for (MemoryFile file : files) {
            Descriptor part = file.descriptor();
            long answer = DataCalls.mapOver(at, part.number(), 0, file.lengthBytes(), true);
            if (answer < 0) {
                DataCalls.unmap(start, room);
                throw failure(answer, part, file.lengthBytes());
            }
            at += file.lengthBytes();
        }
        if (aligned > start) {
            DataCalls.unmap(start, aligned - start);
        }
        if (start + room > at) {
            DataCalls.unmap(at, start + room - at);
        }
        return at(aligned, length, 0, length, true);
    }

    private static NativeException failure(long answer, Descriptor file, long lengthBytes) {
        return Failures.failure(
                "mmap", answer, "%s, length=0x%x, aligned".formatted(file, lengthBytes));
    }

    /**
     * Puts nothing in place of a part, for good: whoever touches it gets an {@link InternalError},
     * as with a file that was shortened, and reaches nobody's memory.
     *
     * @param offsetBytes and {@code lengthBytes}: whole pages
     * @throws NativeException ENOMEM, EMFILE
     */
    public void takeAway(long offsetBytes, long lengthBytes) {
        MemorySegment part = memory.asSlice(offsetBytes, lengthBytes);
        // An access beyond the end of a file is a SIGBUS, which the JVM makes an error of; to
        // unmap would be a SIGSEGV, or somebody else's memory later.
        try (MemoryFile empty = MemoryFile.empty("outboard-nothing")) {
            long answer =
                    DataCalls.mapOver(
                            part.address(), empty.descriptor().number(), 0, lengthBytes, writable);
            if (answer < 0) {
                throw failure(answer, empty.descriptor(), lengthBytes);
            }
        }
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
