package dev.outboard.virtio.net;

import dev.outboard.driver.net.FrameOffload;
import dev.outboard.frames.ReceiveRing;
import dev.outboard.virtio.NetDescriptor;
import dev.outboard.virtio.VirtioFeatures;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The header before a received frame (VIRTIO 1.2, section 5.1.6.4): read once, then checked. The
 * queue's thread; allocates nothing.
 *
 * <p>A header that makes no sense costs its frame and not the device: many a device passes on what
 * another's driver wrote.
 */
final class ReceivedHeader {
    private static final ValueLayout.OfLong LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final int FLAGS_AND_KIND = 0xffff;
    private static final int SHORT_MASK = 0xffff;
    private static final int BYTE_MASK = 0xff;

    private static final int ETHERNET_BYTES = NetDescriptor.ETHERNET_HEADER_BYTES;
    private static final int TCP_BYTES = 20;
    private static final int TCP_SUM = 16;
    private static final int TCP_WORDS = 12;
    private static final int MOST_HEADER_BYTES = 0x7fff;

    private final boolean isMerged;
    private final boolean mayBeUnsummed;
    private final boolean mayBeIpv4;
    private final boolean mayBeIpv6;

    /** The first eight bytes, and the last four. */
    private long first;

    private int last;

    ReceivedHeader(long features) {
        isMerged = (features & VirtioFeatures.NET_MRG_RXBUF) != 0;
        mayBeUnsummed = (features & VirtioFeatures.NET_GUEST_CSUM) != 0;
        mayBeIpv4 = (features & VirtioFeatures.NET_GUEST_TSO4) != 0;
        mayBeIpv6 = (features & VirtioFeatures.NET_GUEST_TSO6) != 0;
    }

    /** In how many buffers the frame lies. */
    int read(MemorySegment memory, long at) {
        first = memory.get(LONG, at);
        last = memory.get(INT, at + Long.BYTES);
        return isMerged ? last >>> Short.SIZE : 1;
    }

    /** Whether nothing is to be done with the frame. */
    boolean isPlain() {
        return (first & FLAGS_AND_KIND & ~NetDescriptor.FLAG_DATA_VALID) == 0;
    }

    /** Whether the device has looked at the sums, and they are right. */
    boolean isValid() {
        return mayBeUnsummed && (first & NetDescriptor.FLAG_DATA_VALID) != 0;
    }

    /** What is left undone in a frame that is not plain. */
    long offload(MemorySegment memory, long frameOffset, int partBytes, int frameBytes) {
        int kind = (int) (first >>> 8) & BYTE_MASK;
        int start = (int) (first >>> 48) & SHORT_MASK;
        int offset = last & SHORT_MASK;
        if (!mayBeUnsummed
                || (first & NetDescriptor.FLAG_NEEDS_CSUM) == 0
                || start < ETHERNET_BYTES
                || start + offset + Short.BYTES > partBytes) {
            return ReceiveRing.NONSENSE;
        }
        if (kind == NetDescriptor.GSO_NONE) {
            return FrameOffload.checksum(start, offset);
        }
        boolean isIpv4 = kind == NetDescriptor.GSO_TCPV4 && mayBeIpv4;
        boolean isIpv6 = kind == NetDescriptor.GSO_TCPV6 && mayBeIpv6;
        int mss = (int) (first >>> 32) & SHORT_MASK;
        if (!isIpv4 && !isIpv6 || mss == 0 || offset != TCP_SUM || start + TCP_BYTES > partBytes) {
            return ReceiveRing.NONSENSE;
        }
        // The device's own length of the headers is a hint only; TCP says how long it is.
        int words = memory.get(ValueLayout.JAVA_BYTE, frameOffset + start + TCP_WORDS) >> 4 & 0xf;
        int headers = start + words * Integer.BYTES;
        if (headers < start + TCP_BYTES
                || headers > Math.min(partBytes, MOST_HEADER_BYTES)
                || headers >= frameBytes) {
            return ReceiveRing.NONSENSE;
        }
        return FrameOffload.segments(start, headers, mss, isIpv6);
    }
}
