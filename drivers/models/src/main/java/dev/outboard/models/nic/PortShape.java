package dev.outboard.models.nic;

/**
 * What a port of the switch offers.
 *
 * @param macBits its driver's address, the first byte in the lowest bits
 * @param mtuBytes its largest packet
 * @param pairs how many pairs of queues there are at most
 * @param offloads whether checksums and segmentation may be left to others
 * @param mergeable whether a received frame may span buffers
 * @param packed whether packed rings are offered
 * @param linkUp whether the cable is in at the start
 */
public record PortShape(
        long macBits,
        int mtuBytes,
        int pairs,
        boolean offloads,
        boolean mergeable,
        boolean packed,
        boolean linkUp) {}
