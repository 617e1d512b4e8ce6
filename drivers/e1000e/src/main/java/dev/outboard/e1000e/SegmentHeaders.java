package dev.outboard.e1000e;

import dev.outboard.driver.net.FrameOffload;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * What the controller wants of a frame's headers before it sums or cuts it (7.3): the IP lengths
 * zero, and a pseudo header's sum without the length. Stateless; allocates nothing.
 */
final class SegmentHeaders {
    /** Where in a TCP header its sum is. */
    static final int TCP_SUM = 16;

    private static final int ETHERNET_TYPE = 12;
    private static final int ETHERNET_BYTES = 14;
    private static final int VLAN_TYPE = 0x8100;
    private static final int IPV4_LENGTH = 2;
    private static final int IPV4_SUM = 10;
    private static final int IPV6_LENGTH = 4;

    /** Its fields for places in a header have 8 bits. */
    private static final int MOST_PLACE = 255;

    private static final int SUM_MASK = 0xffff;

    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private SegmentHeaders() {}

    /**
     * Makes a frame's headers what the device expects.
     *
     * @throws IllegalArgumentException if the device cannot say where something is
     */
    static void prepare(MemorySegment memory, long frameOffset, int lengthBytes, long offload) {
        checkPlaces(offload);
        if (FrameOffload.mssBytes(offload) == 0) {
            return;
        }
        int start = FrameOffload.startBytes(offload);
        int payload = lengthBytes - FrameOffload.headersBytes(offload);
        if (payload < 1 || payload > E1000eDescriptor.CONTEXT_MOST_PAYLOAD) {
            throw new IllegalArgumentException(
                    "a frame with %d bytes behind its headers is not one to cut"
                            .formatted(payload));
        }
        checkUntagged(memory, frameOffset);
        long ip = frameOffset + ETHERNET_BYTES;
        if (FrameOffload.isIpv6(offload)) {
            memory.set(SHORT, ip + IPV6_LENGTH, (short) 0);
        } else {
            memory.set(SHORT, ip + IPV4_LENGTH, (short) 0);
            memory.set(SHORT, ip + IPV4_SUM, (short) 0);
        }
        long sumAt = frameOffset + start + TCP_SUM;
        int sum = memory.get(SHORT, sumAt) & SUM_MASK;
        memory.set(SHORT, sumAt, (short) without(sum, lengthBytes - start));
    }

    private static void checkPlaces(long offload) {
        int sum = FrameOffload.startBytes(offload) + FrameOffload.offsetBytes(offload);
        if (sum > MOST_PLACE || FrameOffload.headersBytes(offload) > MOST_PLACE) {
            throw new IllegalArgumentException(
                    "offload=0x%x: the device sums and cuts behind headers of %d bytes at most"
                            .formatted(offload, MOST_PLACE));
        }
    }

    /**
     * Checks a frame whose headers nobody can change.
     *
     * @throws UnsupportedOperationException if it is to be cut: its headers would be changed
     */
    static void checkPosted(long offload) {
        checkPlaces(offload);
        if (FrameOffload.mssBytes(offload) != 0) {
            throw new UnsupportedOperationException(
                    "offload=0x%x: this device cuts frames whose headers are in a claimed buffer"
                            .formatted(offload));
        }
    }

    /** A sum of ones' complement, without a length that it has. */
    private static int without(int sum, int lengthBytes) {
        int length = (lengthBytes & SUM_MASK) + (lengthBytes >>> Short.SIZE);
        int left = sum + (~length & SUM_MASK);
        return (left & SUM_MASK) + (left >>> Short.SIZE);
    }

    private static void checkUntagged(MemorySegment memory, long frameOffset) {
        if ((memory.get(SHORT, frameOffset + ETHERNET_TYPE) & SUM_MASK) == VLAN_TYPE) {
            throw new IllegalArgumentException("a frame with a tag of a VLAN is not one to cut");
        }
    }

    /** The first half of a context: where the sums are. */
    static long sums(long offload) {
        int start = FrameOffload.startBytes(offload);
        int ip = ETHERNET_BYTES;
        long tcpSums = start | (long) (start + FrameOffload.offsetBytes(offload)) << Byte.SIZE;
        long ipSums = 0;
        if (FrameOffload.mssBytes(offload) != 0) {
            ipSums = ip | (long) (start - 1) << Short.SIZE;
            if (!FrameOffload.isIpv6(offload)) {
                ipSums |= (long) (ip + IPV4_SUM) << Byte.SIZE;
            }
        }
        return ipSums | tcpSums << Integer.SIZE;
    }
}
