package dev.outboard.uio.vfio;

/**
 * IOVA that can be mapped, as unsigned numbers.
 *
 * @param first the first
 * @param last the last, which belongs to it
 */
public record IovaRange(long first, long last) {
    /** Whether a run of bytes lies in it. */
    public boolean contains(long iova, long lengthBytes) {
        return lengthBytes > 0
                && Long.compareUnsigned(iova, first) >= 0
                && Long.compareUnsigned(iova, last) <= 0
                && Long.compareUnsigned(lengthBytes - 1, last - iova) <= 0;
    }

    @Override
    public String toString() {
        return "0x%x-0x%x".formatted(first, last);
    }
}
