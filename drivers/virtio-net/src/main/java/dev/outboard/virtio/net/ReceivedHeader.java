package dev.outboard.virtio.net;

import dev.outboard.driver.net.FrameFacts;
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

    /** Flags and kind, but for what says that all is done. */
    private static final int UNDONE = 0xffff & ~NetDescriptor.FLAG_DATA_VALID;

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

    /** By place: the first eight bytes, and the last four. */
    private long[] firsts;

    private int[] lasts;

    /** Those of the frame that was opened. */
    private long first;

    private int last;

    ReceivedHeader(long features) {
        isMerged = (features & VirtioFeatures.NET_MRG_RXBUF) != 0;
        mayBeUnsummed = (features & VirtioFeatures.NET_GUEST_CSUM) != 0;
        mayBeIpv4 = (features & VirtioFeatures.NET_GUEST_TSO4) != 0;
        mayBeIpv6 = (features & VirtioFeatures.NET_GUEST_TSO6) != 0;
    }

    /** Takes as many places; before the first is read. */
    void reserve(int places) {
        firsts = new long[places];
        lasts = new int[places];
    }

    /**
     * Keeps one at a place.
     *
     * @return what is known of a frame in one buffer with nothing left to be done; of any other
     *     {@link ReceiveRing#NOT_PLAIN}
     */
    int read(int place, MemorySegment memory, long at) {
        long itsFirst = memory.get(LONG, at);
        int itsLast = memory.get(INT, at + Long.BYTES);
        if ((itsFirst & UNDONE) == 0 && (!isMerged || itsLast >>> Short.SIZE == 1)) {
            return facts(itsFirst);
        }
        firsts[place] = itsFirst;
        lasts[place] = itsLast;
        return ReceiveRing.NOT_PLAIN;
    }

    /** Turns to the one at a place; in how many buffers the frame lies. */
    int open(int place) {
        first = firsts[place];
        last = lasts[place];
        return isMerged ? last >>> Short.SIZE : 1;
    }

    /** What the device found out about it. */
    int facts() {
        return facts(first);
    }

    private int facts(long itsFirst) {
        return mayBeUnsummed && (itsFirst & NetDescriptor.FLAG_DATA_VALID) != 0
                ? FrameFacts.CHECKSUM_GOOD
                : FrameFacts.NONE;
    }

    /** What is left undone in it. */
    long offload(MemorySegment memory, long frameOffset, int partBytes, int frameBytes) {
        if ((first & UNDONE) == 0) {
            return FrameOffload.NONE;
        }
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
