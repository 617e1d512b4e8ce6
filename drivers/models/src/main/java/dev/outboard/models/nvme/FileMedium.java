package dev.outboard.models.nvme;

import dev.outboard.uio.FileAccess;
import dev.outboard.uio.IoVector;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Blocks in a file or block device, which stays its opener's. */
public final class FileMedium implements Medium {
    private static final long ZEROES_BYTES = 1 << 20;

    private final FileAccess file;
    private final boolean readOnly;
    private final long lengthBytes;

    /** Written where the file system cannot make zeroes by itself. */
    private MemorySegment zeroes;

    /** All of a file. */
    public FileMedium(FileAccess file, boolean readOnly) {
        this.file = file;
        this.readOnly = readOnly;
        lengthBytes = file.lengthBytes();
    }

    @Override
    public long lengthBytes() {
        return lengthBytes;
    }

    @Override
    public boolean isReadOnly() {
        return readOnly;
    }

    @Override
    public boolean read(MemorySegment into, long offset, long length, long position) {
        return file.read(into, offset, length, position) == length;
    }

    @Override
    public void write(MemorySegment from, long offset, long length, long position) {
        file.write(from, offset, length, position);
    }

    @Override
    public boolean read(IoVector into, long position) {
        long wanted = into.lengthBytes();
        return file.read(into, position) == wanted;
    }

    @Override
    public void write(IoVector from, long position) {
        file.write(from, position);
    }

    @Override
    public void zero(long position, long length, boolean isGivenBack) {
        boolean isDone =
                isGivenBack && file.discard(position, length) || file.writeZeroes(position, length);
        if (isDone) {
            return;
        }
        if (zeroes == null) {
            zeroes = Arena.ofAuto().allocate(ZEROES_BYTES);
        }
        for (long done = 0; done < length; done += ZEROES_BYTES) {
            file.write(zeroes, 0, Math.min(ZEROES_BYTES, length - done), position + done);
        }
    }

    @Override
    public void flush() {
        file.flush();
    }

    @Override
    public void close() {
        // The file is its opener's.
    }
}
