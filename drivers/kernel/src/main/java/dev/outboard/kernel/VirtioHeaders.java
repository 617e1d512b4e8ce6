package dev.outboard.kernel;

import dev.outboard.driver.net.FrameFacts;
import dev.outboard.driver.net.FrameOffload;
import dev.outboard.uio.net.VirtioHeader;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Between the kernel's header before a frame and {@link FrameOffload}. Stateless; no allocation.
 */
final class VirtioHeaders {
    /** The header asks for what {@link FrameOffload} has no word for, or is wrong. */
    static final long UNKNOWN = -1;

    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

    /** Where TCP says how long its header is, in words, in the upper half. */
    private static final int TCP_LENGTH_OFFSET = 12;

    private static final int TCP_LEAST_BYTES = 20;
    private static final int ETHERNET_BYTES = 14;
    private static final int SHORT_MASK = 0xffff;

    private VirtioHeaders() {}

    /**
     * What the kernel left undone in a frame that it sends.
     *
     * @param header what stood before the frame
     * @param frame what the frame is in
     * @param offset where it starts
     * @param lengthBytes how much of it is there, in one piece
     * @return the offload, or {@link #UNKNOWN}
     */
    static long offload(MemorySegment header, MemorySegment frame, long offset, int lengthBytes) {
        int flags = header.get(ValueLayout.JAVA_BYTE, VirtioHeader.FLAGS_OFFSET);
        int type = header.get(ValueLayout.JAVA_BYTE, VirtioHeader.GSO_TYPE_OFFSET) & 0xff;
        if ((flags & VirtioHeader.NEEDS_SUM) == 0) {
            return type == VirtioHeader.GSO_NONE ? FrameOffload.NONE : UNKNOWN;
        }
        int start = value(header, VirtioHeader.SUM_START_OFFSET);
        int sumOffset = value(header, VirtioHeader.SUM_OFFSET_OFFSET);
        if (start < ETHERNET_BYTES || start + sumOffset + Short.BYTES > lengthBytes) {
            return UNKNOWN;
        }
        if (type == VirtioHeader.GSO_NONE) {
            return FrameOffload.checksum(start, sumOffset);
        }
        int size = value(header, VirtioHeader.GSO_SIZE_OFFSET);
        int kind = type & ~VirtioHeader.GSO_ECN;
        boolean isIpv6 = kind == VirtioHeader.GSO_TCP_IPV6;
        if (!isIpv6 && kind != VirtioHeader.GSO_TCP_IPV4 || size == 0) {
            return UNKNOWN;
        }
        if (start + TCP_LEAST_BYTES > lengthBytes) {
            return UNKNOWN;
        }
        // The header's own length of all headers is a hint of the kernel's: look.
        int words =
                frame.get(ValueLayout.JAVA_BYTE, offset + start + TCP_LENGTH_OFFSET) >>> 4 & 0xf;
        int tcpBytes = words * Integer.BYTES;
        if (tcpBytes < TCP_LEAST_BYTES || start + tcpBytes > lengthBytes) {
            return UNKNOWN;
        }
        return FrameOffload.segments(start, start + tcpBytes, size, isIpv6);
    }

    private static int value(MemorySegment header, long offset) {
        return header.get(SHORT, offset) & SHORT_MASK;
    }

    /**
     * Writes what stands before a frame that the kernel receives.
     *
     * @param offload what was left undone in it
     * @param facts what the device found out about it
     */
    static void put(MemorySegment header, long offload, int facts) {
        if (offload == FrameOffload.NONE) {
            int flags = (facts & FrameFacts.CHECKSUM_GOOD) != 0 ? VirtioHeader.SUM_VALID : 0;
            header.set(
                    LONG,
                    0,
                    ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN
                            ? flags
                            : (long) flags << 56);
            header.set(INT, Long.BYTES, 0);
            return;
        }
        int mss = FrameOffload.mssBytes(offload);
        int type = VirtioHeader.GSO_NONE;
        if (mss != 0) {
            type =
                    FrameOffload.isIpv6(offload)
                            ? VirtioHeader.GSO_TCP_IPV6
                            : VirtioHeader.GSO_TCP_IPV4;
        }
        header.set(ValueLayout.JAVA_BYTE, VirtioHeader.FLAGS_OFFSET, (byte) VirtioHeader.NEEDS_SUM);
        header.set(ValueLayout.JAVA_BYTE, VirtioHeader.GSO_TYPE_OFFSET, (byte) type);
        header.set(SHORT, VirtioHeader.HEADERS_OFFSET, (short) FrameOffload.headersBytes(offload));
        header.set(SHORT, VirtioHeader.GSO_SIZE_OFFSET, (short) mss);
        header.set(SHORT, VirtioHeader.SUM_START_OFFSET, (short) FrameOffload.startBytes(offload));
        header.set(
                SHORT, VirtioHeader.SUM_OFFSET_OFFSET, (short) FrameOffload.offsetBytes(offload));
        header.set(SHORT, VirtioHeader.BUFFERS_OFFSET, (short) 0);
    }
}
