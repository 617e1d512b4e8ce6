package dev.outboard.uio;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/** A file or block device read and written straight from and to memory segments. */
public final class FileAccess implements AutoCloseable {
    private FileAccess() {}

    public static FileAccess open(Path path, boolean writable) {
        throw new UnsupportedOperationException("not built yet");
    }

    public Descriptor descriptor() {
        throw new UnsupportedOperationException("not built yet");
    }

    public long lengthBytes() {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Reads fully, or until the end of the file; how many bytes were read. */
    public long read(MemorySegment into, long offset, long lengthBytes, long position) {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Writes fully. */
    public void write(MemorySegment from, long offset, long lengthBytes, long position) {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Reads into the vector's pieces, fully, or until the end of the file. */
    public long read(IoVector into, long position) {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Writes the vector's pieces, fully. */
    public void write(IoVector from, long position) {
        throw new UnsupportedOperationException("not built yet");
    }

    /** fdatasync. */
    public void flush() {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Gives the range back to the file system; it reads as zeroes. */
    public void discard(long position, long lengthBytes) {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Makes the range read as zeroes, keeping it allocated. */
    public void writeZeroes(long position, long lengthBytes) {
        throw new UnsupportedOperationException("not built yet");
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException("not built yet");
    }
}
