package dev.outboard.driver.net;

/**
 * What a device shall do to a frame that it sends, packed into 64 bits so that nothing is allocated
 * for a frame. 0 is nothing.
 *
 * <pre>
 *   63     62         48       32        16         0
 *   +------+----------+--------+---------+----------+
 *   | IPv6 | headers  | MSS    | offset  | start    |   bytes each
 *   +------+----------+--------+---------+----------+
 * </pre>
 *
 * <p>The meaning is that of {@code virtio_net_hdr} (VIRTIO 1.2, section 5.1.6): the device sums
 * what is from {@code start} to the frame's end, and stores the sum at {@code start + offset},
 * where the client has put the sum of the pseudo header. Such a frame is not filled up to 60 bytes
 * by the client: the device would sum that, too, and fills it up itself. A frame with an MSS is
 * sent as many frames, each with the headers of the first, continued, and up to MSS bytes behind
 * them.
 */
public final class FrameOffload {
    /** Nothing. */
    public static final long NONE = 0;

    /** The device sums TCP and UDP: {@link #checksum}. */
    public static final int CHECKSUM = 1;

    /** The device cuts TCP over IPv4 into segments: {@link #segments}. */
    public static final int SEGMENTS_IPV4 = 1 << 1;

    /** The device cuts TCP over IPv6 into segments: {@link #segments}. */
    public static final int SEGMENTS_IPV6 = 1 << 2;

    /** The device looks at the checksums of what it receives: {@link FrameFacts}. */
    public static final int RECEIVED_CHECKSUM = 1 << 3;

    /** Parts of TCP over IPv4 are put together before they are received, to frames of 64 KiB. */
    public static final int MERGED_IPV4 = 1 << 4;

    /** Parts of TCP over IPv6 are. */
    public static final int MERGED_IPV6 = 1 << 5;

    /** Received frames may have a checksum that only its pseudo header is of. */
    public static final int UNSUMMED = 1 << 6;

    private static final int FIELD_BITS = 16;
    private static final int FIELD_MASK = 0xffff;
    private static final int HEADERS_MASK = 0x7fff;
    private static final int MSS_SHIFT = 2 * FIELD_BITS;
    private static final int HEADERS_SHIFT = 3 * FIELD_BITS;

    private FrameOffload() {}

    /**
     * A checksum.
     *
     * @param startBytes where the sum begins, in the frame: its TCP or UDP header
     * @param offsetBytes where behind that the sum is stored: 16 for TCP, 6 for UDP
     * @throws IllegalArgumentException if one is not of 16 bits, or both are 0
     */
    public static long checksum(int startBytes, int offsetBytes) {
        check("startBytes", startBytes, 1, FIELD_MASK);
        check("offsetBytes", offsetBytes, 0, FIELD_MASK);
        return startBytes | (long) offsetBytes << FIELD_BITS;
    }

    /**
     * Segments of TCP, with their checksums.
     *
     * @param startBytes where the TCP header begins, in the frame
     * @param headersBytes all headers of the frame: what every segment begins with
     * @param mssBytes the most payload of one segment
     * @throws IllegalArgumentException if the headers end before a TCP header could
     */
    public static long segments(int startBytes, int headersBytes, int mssBytes, boolean isIpv6) {
        check("headersBytes", headersBytes, startBytes + 20, HEADERS_MASK);
        check("mssBytes", mssBytes, 1, FIELD_MASK);
        return checksum(startBytes, 16)
                | (long) mssBytes << MSS_SHIFT
                | (long) headersBytes << HEADERS_SHIFT
                | (isIpv6 ? Long.MIN_VALUE : 0);
    }

    private static void check(String name, int value, int least, int most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException(
                    "%s=%d is not %d to %d".formatted(name, value, least, most));
        }
    }

    /** Where the sum begins; 0 where there is none. */
    public static int startBytes(long offload) {
        return (int) offload & FIELD_MASK;
    }

    /** Where behind that it is stored. */
    public static int offsetBytes(long offload) {
        return (int) (offload >>> FIELD_BITS) & FIELD_MASK;
    }

    /** The most payload of a segment; 0 where the frame is sent as it is. */
    public static int mssBytes(long offload) {
        return (int) (offload >>> MSS_SHIFT) & FIELD_MASK;
    }

    /** All headers, where there is an MSS. */
    public static int headersBytes(long offload) {
        return (int) (offload >>> HEADERS_SHIFT) & HEADERS_MASK;
    }

    /** Whether the segments are of IPv6. */
    public static boolean isIpv6(long offload) {
        return offload < 0;
    }

    /** The capabilities that a frame with this needs. */
    public static int needed(long offload) {
        if (mssBytes(offload) != 0) {
            return CHECKSUM | (isIpv6(offload) ? SEGMENTS_IPV6 : SEGMENTS_IPV4);
        }
        return offload == NONE ? 0 : CHECKSUM;
    }
}
