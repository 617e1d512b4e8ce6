package dev.outboard.models.nic;

import static dev.outboard.virtio.NetDescriptor.ETHERNET_HEADER_BYTES;
import static dev.outboard.virtio.NetDescriptor.FLAG_NEEDS_CSUM;
import static dev.outboard.virtio.NetDescriptor.GSO_ECN;
import static dev.outboard.virtio.NetDescriptor.GSO_NONE;
import static dev.outboard.virtio.NetDescriptor.GSO_TCPV4;
import static dev.outboard.virtio.NetDescriptor.GSO_TCPV6;
import static dev.outboard.virtio.NetDescriptor.GSO_UDP_L4;

import dev.outboard.virtio.VirtioFeatures;

/**
 * The header before a frame (VIRTIO 1.2, section 5.1.6), as words: what a sender left undone.
 *
 * <p>The first word has flags, type of segmentation, length of headers, size of segments and start
 * of the sum; the second the sum's offset. Stateless; nothing allocates.
 */
final class FrameHeader {
    private static final int GSO_TYPE_SHIFT = 8;
    private static final int LENGTH_SHIFT = 16;
    private static final int GSO_SIZE_SHIFT = 32;
    private static final int SUM_START_SHIFT = 48;
    private static final int BYTE_MASK = 0xff;
    private static final int SHORT_MASK = 0xffff;
    private static final int BUFFERS_SHIFT = 16;

    /** Flags and type of segmentation: where both are 0 the frame is whole. */
    private static final int UNDONE_MASK = 0xffff;

    private FrameHeader() {}

    /** Whether nothing is left undone. */
    static boolean isWhole(long first) {
        return (first & UNDONE_MASK) == 0;
    }

    static int flags(long first) {
        return (int) first & BYTE_MASK;
    }

    static int gsoType(long first) {
        return (int) (first >>> GSO_TYPE_SHIFT) & BYTE_MASK & ~GSO_ECN;
    }

    static boolean hasEcn(long first) {
        return ((int) (first >>> GSO_TYPE_SHIFT) & GSO_ECN) != 0;
    }

    static int headersBytes(long first) {
        return (int) (first >>> LENGTH_SHIFT) & SHORT_MASK;
    }

    static int gsoBytes(long first) {
        return (int) (first >>> GSO_SIZE_SHIFT) & SHORT_MASK;
    }

    static int sumStart(long first) {
        return (int) (first >>> SUM_START_SHIFT);
    }

    static int sumOffset(int second) {
        return second & SHORT_MASK;
    }

    /** The second word for a receiver. */
    static int withBuffers(int second, int buffers) {
        return second & SHORT_MASK | buffers << BUFFERS_SHIFT;
    }

    /** The first word of a frame of which only the sum is left undone. */
    static long unsummed(int sumStart) {
        return FLAG_NEEDS_CSUM | (long) sumStart << SUM_START_SHIFT;
    }

    /** Whether a frame that is not whole keeps the rules, with what its driver accepted. */
    static boolean isAllowed(long first, int second, long frameBytes, long features) {
        if (flags(first) != FLAG_NEEDS_CSUM || (features & VirtioFeatures.NET_CSUM) == 0) {
            return false;
        }
        int start = sumStart(first);
        if (start < ETHERNET_HEADER_BYTES || start + sumOffset(second) + 2 > frameBytes) {
            return false;
        }
        if (gsoType(first) == GSO_NONE) {
            return !hasEcn(first);
        }
        return (features & hostFeature(first)) == hostFeature(first)
                && gsoBytes(first) > 0
                && headersBytes(first) <= frameBytes;
    }

    /** What a driver has to have accepted to send this. */
    private static long hostFeature(long first) {
        long ecn = hasEcn(first) ? VirtioFeatures.NET_HOST_ECN : 0;
        return switch (gsoType(first)) {
            case GSO_TCPV4 -> VirtioFeatures.NET_HOST_TSO4 | ecn;
            case GSO_TCPV6 -> VirtioFeatures.NET_HOST_TSO6 | ecn;
            case GSO_UDP_L4 -> hasEcn(first) ? -1 : VirtioFeatures.NET_HOST_USO;
            default -> -1;
        };
    }

    /**
     * What a driver has to take to be given this as it is.
     *
     * @param ipv6 which of the two a datagram to be cut is
     */
    static long guestFeatures(long first, boolean ipv6) {
        long ecn = hasEcn(first) ? VirtioFeatures.NET_GUEST_ECN : 0;
        long segments =
                switch (gsoType(first)) {
                    case GSO_TCPV4 -> VirtioFeatures.NET_GUEST_TSO4;
                    case GSO_TCPV6 -> VirtioFeatures.NET_GUEST_TSO6;
                    case GSO_UDP_L4 ->
                            ipv6 ? VirtioFeatures.NET_GUEST_USO6 : VirtioFeatures.NET_GUEST_USO4;
                    default -> 0;
                };
        return VirtioFeatures.NET_GUEST_CSUM | segments | ecn;
    }
}
