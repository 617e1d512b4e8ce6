package dev.outboard.uio.vhost;

import dev.outboard.uio.Descriptor;

/**
 * One piece of the front-end's memory, as a back-end may map it.
 *
 * @param guestAddress where a ring's entries find it; unsigned
 * @param lengthBytes its length
 * @param userAddress where SET_VRING_ADDR finds it without an IOMMU: the front-end's own address
 * @param fileOffset where it begins in the file; need not be page-aligned
 * @param descriptor the file; null where a region is only named, to be removed. Whoever is handed a
 *     record by this package's documentation "owns the descriptor" closes it
 */
public record MemoryRegion(
        long guestAddress,
        long lengthBytes,
        long userAddress,
        long fileOffset,
        Descriptor descriptor) {

    /** Whether both are the same piece to the protocol: guest address, user address and length. */
    public boolean isSamePlace(MemoryRegion other) {
        return guestAddress == other.guestAddress
                && userAddress == other.userAddress
                && lengthBytes == other.lengthBytes;
    }

    /**
     * Refuses what can be no memory: no length, or a range that runs over the end of the addresses
     * or of any file. Whether the file is as long is for who maps it.
     */
    void requirePlausible() {
        boolean plausible =
                lengthBytes > 0
                        && fileOffset >= 0
                        && fileOffset <= Long.MAX_VALUE - lengthBytes
                        && Long.compareUnsigned(guestAddress + lengthBytes - 1, guestAddress) >= 0
                        && Long.compareUnsigned(userAddress + lengthBytes - 1, userAddress) >= 0;
        if (!plausible) {
            throw new VhostProtocolException("this is no memory region: " + this);
        }
    }

    @Override
    public String toString() {
        return "guestAddress=0x%x lengthBytes=0x%x userAddress=0x%x fileOffset=0x%x"
                .formatted(guestAddress, lengthBytes, userAddress, fileOffset);
    }
}
