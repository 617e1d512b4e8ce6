package dev.outboard.uio.vhost;

import dev.outboard.uio.Descriptor;

/**
 * One piece of the front-end's memory, as a back-end may map it.
 *
 * @param guestAddress where a descriptor of a ring finds it
 * @param lengthBytes its length
 * @param userAddress where SET_VRING_ADDR finds it: the front-end's own address
 * @param fileOffset where it begins in the file
 * @param descriptor the file
 */
public record MemoryRegion(
        long guestAddress,
        long lengthBytes,
        long userAddress,
        long fileOffset,
        Descriptor descriptor) {}
