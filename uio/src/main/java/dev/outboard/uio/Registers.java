package dev.outboard.uio;

/**
 * A region of device registers, little-endian. Accesses are neither reordered with each other nor
 * merged, and a write is ordered after all stores to memory that precede it. Offsets are in bytes
 * and must be aligned to the access.
 *
 * <p>An offset outside the region is an {@link IndexOutOfBoundsException}, and nothing is accessed.
 */
public interface Registers {
    /** The size of the region in bytes. */
    long lengthBytes();

    /** Reads a byte. */
    byte getByte(long offset);

    /** Writes a byte. */
    void putByte(long offset, byte value);

    /** Reads 16 bits. */
    short getShort(long offset);

    /** Writes 16 bits. */
    void putShort(long offset, short value);

    /** Reads 32 bits. */
    int getInt(long offset);

    /** Writes 32 bits. */
    void putInt(long offset, int value);

    /** Reads 64 bits. */
    long getLong(long offset);

    /** Writes 64 bits. */
    void putLong(long offset, long value);
}
