package dev.outboard.models.nvme;

import dev.outboard.uio.IoVector;
import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import java.lang.foreign.MemorySegment;

/** Blocks in memory of this process, gone when it ends: what nothing but the protocol costs. */
public final class MemoryMedium implements Medium {
    private static final long PAGE_BYTES = 4096;

    private final MemoryFile file;
    private final Mapping mapping;
    private final MemorySegment memory;
    private final long lengthBytes;

    /** Zeroes, so many. */
    public MemoryMedium(long lengthBytes) {
        this.lengthBytes = lengthBytes;
        file = MemoryFile.create("outboard-nvme", lengthBytes);
        try {
            file.sealSize();
            mapping = file.mapForHugePages();
        } catch (RuntimeException failure) {
            file.close();
            throw failure;
        }
        memory = mapping.memory();
    }

    @Override
    public long lengthBytes() {
        return lengthBytes;
    }

    @Override
    public boolean isReadOnly() {
        return false;
    }

    @Override
    public boolean read(MemorySegment into, long offset, long length, long position) {
        MemorySegment.copy(memory, position, into, offset, length);
        return true;
    }

    @Override
    public void write(MemorySegment from, long offset, long length, long position) {
        MemorySegment.copy(from, offset, memory, position, length);
    }

    @Override
    public boolean read(IoVector into, long position) {
        into.copyFrom(memory, position);
        return true;
    }

    @Override
    public void write(IoVector from, long position) {
        from.copyTo(memory, position);
    }

    @Override
    public void zero(long position, long length, boolean isGivenBack) {
        boolean isPages = position % PAGE_BYTES == 0 && length % PAGE_BYTES == 0;
        if (isGivenBack && isPages) {
            file.punchHole(position, length);
        } else {
            memory.asSlice(position, length).fill((byte) 0);
        }
    }

    @Override
    public void flush() {
        // Nothing stays anyway.
    }

    @Override
    public void close() {
        mapping.close();
        file.close();
    }
}
