package dev.outboard.models.nvme;

import dev.outboard.uio.IoVector;
import java.lang.foreign.MemorySegment;

/**
 * What a namespace keeps its blocks in. The loop's thread; reading and writing allocate nothing.
 *
 * <p>Failures of what is below are {@link dev.outboard.uio.NativeException}s.
 */
public sealed interface Medium extends AutoCloseable permits FileMedium, MemoryMedium {
    /** How long it is. */
    long lengthBytes();

    /** Whether it is only read. */
    boolean isReadOnly();

    /**
     * Reads into one piece.
     *
     * @return false if it has become shorter
     */
    boolean read(MemorySegment into, long offset, long lengthBytes, long position);

    /** Writes from one piece. */
    void write(MemorySegment from, long offset, long lengthBytes, long position);

    /**
     * Reads into pieces; consumes the list.
     *
     * @return false if it has become shorter
     */
    boolean read(IoVector into, long position);

    /** Writes from pieces; consumes the list. */
    void write(IoVector from, long position);

    /** Makes a range read as zeroes, and gives it back if that is asked for and can be. */
    void zero(long position, long lengthBytes, boolean isGivenBack);

    /** Waits until all that was written stays. */
    void flush();

    @Override
    void close();
}
