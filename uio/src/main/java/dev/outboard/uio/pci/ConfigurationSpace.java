package dev.outboard.uio.pci;

/**
 * The configuration space of a PCI function: little-endian registers of one, two or four bytes.
 *
 * <p>One thread at a time. Offsets are in bytes and aligned to the access; one beyond {@link
 * #lengthBytes} is an {@link IndexOutOfBoundsException}, and nothing is accessed.
 */
public interface ConfigurationSpace {
    /** 256, or 4096 with the extended space of PCI Express. */
    int lengthBytes();

    /**
     * Reads a register.
     *
     * @param bytes 1, 2 or 4
     * @return its value, zero-extended
     */
    long read(int offset, int bytes);

    /**
     * Writes a register.
     *
     * @param bytes 1, 2 or 4
     * @param value of which the lower bytes are written
     */
    void write(int offset, int bytes, long value);

    /** Refuses what is no access to a register of a space that long. */
    static void check(int offset, int bytes, int lengthBytes) {
        boolean isWidth = bytes == 1 || bytes == 2 || bytes == 4;
        if (!isWidth || offset < 0 || offset > lengthBytes - bytes || offset % bytes != 0) {
            throw new IndexOutOfBoundsException(
                    "offset=0x%x bytes=%d is no register of a configuration space of 0x%x bytes"
                            .formatted(offset, bytes, lengthBytes));
        }
    }
}
