package dev.outboard.serve;

import dev.outboard.driver.net.FrameFacts;
import dev.outboard.driver.net.FrameOffload;
import dev.outboard.virtio.NetDescriptor;
import dev.outboard.virtio.VirtioFeatures;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The header before a frame (VIRTIO 1.2, section 5.1.6): as a client wrote it, copied and checked,
 * and as a client reads it. One thread; allocates nothing after construction.
 */
final class ClientHeader {
    static final int BYTES = NetDescriptor.HEADER_BYTES;

    /** The client's header makes no sense: its frame is dropped. */
    static final long NONSENSE = -1;

    private static final ValueLayout.OfLong LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int ETHERNET_BYTES = NetDescriptor.ETHERNET_HEADER_BYTES;
    private static final int TCP_BYTES = 20;
    private static final int TCP_SUM = 16;
    private static final int TCP_WORDS = 12;
    private static final int MOST_HEADERS_BYTES = 0x7fff;
    private static final int SHORT_MASK = 0xffff;
    private static final int BYTE_MASK = 0xff;

    /** The copy that is looked at, or what is about to be shown. */
    final MemorySegment bytes = Arena.ofAuto().allocate(BYTES, 8);

    /**
     * What the client leaves to the device, out of {@link #bytes}.
     *
     * @param frame the frame behind the header
     * @param features what was negotiated
     * @return {@link FrameOffload}, or {@link #NONSENSE}
     */
    long offload(Pieces frame, long features) {
        long first = bytes.get(LONG, 0);
        int kind = (int) (first >>> 8) & BYTE_MASK & ~NetDescriptor.GSO_ECN;
        if ((first & NetDescriptor.FLAG_NEEDS_CSUM) == 0) {
            return kind == NetDescriptor.GSO_NONE ? FrameOffload.NONE : NONSENSE;
        }
        int start = (int) (first >>> 48) & SHORT_MASK;
        int offset = bytes.get(INT, 8) & SHORT_MASK;
        if ((features & VirtioFeatures.NET_CSUM) == 0
                || start < ETHERNET_BYTES
                || start + offset + Short.BYTES > frame.lengthBytes()) {
            return NONSENSE;
        }
        if (kind == NetDescriptor.GSO_NONE) {
            return FrameOffload.checksum(start, offset);
        }
        int mss = (int) (first >>> 32) & SHORT_MASK;
        if (!mayCut(kind, features) || mss == 0 || offset != TCP_SUM) {
            return NONSENSE;
        }
        // The length that the header tells is a hint; TCP says how long its own is.
        int words = frame.byteAt(start + TCP_WORDS) >> 4;
        int headers = start + words * Integer.BYTES;
        if (headers < start + TCP_BYTES
                || headers > MOST_HEADERS_BYTES
                || headers >= frame.lengthBytes()) {
            return NONSENSE;
        }
        return FrameOffload.segments(start, headers, mss, kind == NetDescriptor.GSO_TCPV6);
    }

    private static boolean mayCut(int kind, long features) {
        return switch (kind) {
            case NetDescriptor.GSO_TCPV4 -> (features & VirtioFeatures.NET_HOST_TSO4) != 0;
            case NetDescriptor.GSO_TCPV6 -> (features & VirtioFeatures.NET_HOST_TSO6) != 0;
            default -> false;
        };
    }

    /**
     * Writes {@link #bytes} for the client.
     *
     * @param offload what is left undone in the frame, of what the client takes
     * @param facts what the device found out: {@link FrameFacts}
     * @param features what was negotiated
     * @param buffers in how many buffers header and frame lie
     */
    void write(long offload, int facts, long features, int buffers) {
        long first = 0;
        if (offload != FrameOffload.NONE) {
            first =
                    NetDescriptor.FLAG_NEEDS_CSUM
                            | (long) kind(offload) << 8
                            | (long) FrameOffload.headersBytes(offload) << 16
                            | (long) FrameOffload.mssBytes(offload) << 32
                            | (long) FrameOffload.startBytes(offload) << 48;
        } else if ((facts & FrameFacts.CHECKSUM_GOOD) != 0
                && (features & VirtioFeatures.NET_GUEST_CSUM) != 0) {
            first = NetDescriptor.FLAG_DATA_VALID;
        }
        bytes.set(LONG, 0, first);
        bytes.set(INT, 8, FrameOffload.offsetBytes(offload) | buffers << Short.SIZE);
    }

    private static int kind(long offload) {
        if (FrameOffload.mssBytes(offload) == 0) {
            return NetDescriptor.GSO_NONE;
        }
        return FrameOffload.isIpv6(offload) ? NetDescriptor.GSO_TCPV6 : NetDescriptor.GSO_TCPV4;
    }
}
