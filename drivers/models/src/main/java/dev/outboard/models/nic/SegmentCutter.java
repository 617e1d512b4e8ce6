package dev.outboard.models.nic;

import static dev.outboard.virtio.NetDescriptor.GSO_TCPV4;
import static dev.outboard.virtio.NetDescriptor.GSO_TCPV6;
import static dev.outboard.virtio.NetDescriptor.GSO_UDP_L4;

import dev.outboard.backend.DmaCursor;
import dev.outboard.internet.InternetSum;
import dev.outboard.internet.PacketDescriptor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Does in software what a sender left undone and a receiver does not take: sums a frame, or cuts it
 * into segments of TCP or UDP over IPv4 or IPv6 (VIRTIO 1.2, section 5.1.6.2).
 *
 * <p>Works on copies: what is checked is what is sent, whatever the sender's driver does meanwhile.
 * The loop's thread; nothing allocates.
 */
final class SegmentCutter {
    /** The most segments of a frame: with fewer bytes each, a frame would be a flood. */
    static final int MOST_SEGMENTS = 1024;

    private static final int MOST_HEADERS_BYTES = 512;
    private static final int TYPE_OFFSET = 12;
    private static final int TAG_BYTES = 4;
    private static final int TYPE_TAG = 0x8100;
    private static final int TYPE_SERVICE_TAG = 0x88a8;
    private static final int MOST_TAGS = 2;

    // IPv4, from its header on.
    private static final int IPV4_LENGTH = 2;
    private static final int IPV4_ID = 4;
    private static final int IPV4_PROTOCOL = 9;
    private static final int IPV4_SUM = 10;
    private static final int IPV4_SOURCE = 12;
    private static final int IPV4_DESTINATION = 16;

    // IPv6, from its header on.
    private static final int IPV6_LENGTH = 4;
    private static final int IPV6_SOURCE = 8;

    // TCP, from its header on.
    private static final int TCP = 6;
    private static final int TCP_BYTES = 20;
    private static final int TCP_NUMBER = 4;
    private static final int TCP_LENGTH = 12;
    private static final int TCP_FLAGS = 13;
    private static final int TCP_SUM = 16;
    private static final int FIN_AND_PSH = 0x09;
    private static final int CWR = 0x80;

    private static final int BYTE_MASK = 0xff;
    private static final int SHORT_MASK = 0xffff;
    private static final int NIBBLE = 15;

    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfInt INT =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    /** The frame, or segment, that was made. */
    private final MemorySegment out = Arena.ofAuto().allocate(Frame.MOST_UNCUT_BYTES + 2L, 8);

    private final MemorySegment headers = Arena.ofAuto().allocate(MOST_HEADERS_BYTES, 8);
    private final DmaCursor cursor = new DmaCursor();

    // Of the frame that is cut.
    private boolean ipv6;
    private int protocol;
    private int ip;
    private int transport;
    private int headersBytes;
    private int payloadBytes;
    private int segmentBytes;
    private int segments;
    private int tcpFlags;

    /**
     * Copies a frame and sums it.
     *
     * @return false on a fault of its sender
     */
    boolean sum(Frame frame) {
        int length = (int) frame.bytes;
        if (!frame.rewind() || !frame.source.copyTo(out, 0, length)) {
            return false;
        }
        int start = FrameHeader.sumStart(frame.first);
        int offset = FrameHeader.sumOffset(frame.second);
        store(start + offset, InternetSum.add(0, out, start, length - start), offset);
        cursor.openMemory(out, 0, length);
        return true;
    }

    /** As it is sent; only UDP knows a frame without a sum, and that is 0. */
    private void store(int at, int sum, int offset) {
        boolean udp = offset == PacketDescriptor.UDP_SUM;
        out.set(SHORT, at, udp ? InternetSum.storedOrOnes(sum) : InternetSum.stored(sum));
    }

    /**
     * Begins to cut a frame: {@link #cut} goes on.
     *
     * @return {@link Frame#GOOD}, {@link Frame#MALFORMED} or {@link Frame#FAULT}
     */
    int open(Frame frame) {
        int type = FrameHeader.gsoType(frame.first);
        protocol = type == GSO_UDP_L4 ? PacketDescriptor.PROTOCOL_UDP : TCP;
        transport = FrameHeader.sumStart(frame.first);
        segmentBytes = FrameHeader.gsoBytes(frame.first);
        int sumOffset = protocol == TCP ? TCP_SUM : PacketDescriptor.UDP_SUM;
        int looked = (int) Math.min(frame.bytes, MOST_HEADERS_BYTES);
        if (!frame.rewind() || !frame.source.copyTo(headers, 0, looked)) {
            return Frame.FAULT;
        }
        if (FrameHeader.sumOffset(frame.second) != sumOffset
                || !findHeaders(looked)
                || ipv6 && type == GSO_TCPV4
                || !ipv6 && type == GSO_TCPV6) {
            return Frame.MALFORMED;
        }
        payloadBytes = (int) frame.bytes - headersBytes;
        segments = (payloadBytes + segmentBytes - 1) / segmentBytes;
        if (payloadBytes < 1 || segments > MOST_SEGMENTS) {
            return Frame.MALFORMED;
        }
        tcpFlags = protocol == TCP ? headers.get(BYTE, transport + TCP_FLAGS) & BYTE_MASK : 0;
        // Stands before the payload.
        return frame.rewind() && frame.source.skip(headersBytes) ? Frame.GOOD : Frame.FAULT;
    }

    /** Finds where everything begins, in what was copied. */
    private boolean findHeaders(int looked) {
        int at = TYPE_OFFSET;
        int type = headers.get(SHORT, at) & SHORT_MASK;
        for (int tags = 0; tags < MOST_TAGS && isTag(type) && at + 6 <= looked; tags++) {
            at += TAG_BYTES;
            type = headers.get(SHORT, at) & SHORT_MASK;
        }
        ip = at + 2;
        ipv6 = type == PacketDescriptor.TYPE_IPV6;
        int least = protocol == TCP ? TCP_BYTES : PacketDescriptor.UDP_BYTES;
        if (transport + least > looked || !isIpHeader(type)) {
            return false;
        }
        headersBytes = transport + PacketDescriptor.UDP_BYTES;
        if (protocol == TCP) {
            int own = (headers.get(BYTE, transport + TCP_LENGTH) >>> 4 & NIBBLE) * Integer.BYTES;
            headersBytes = transport + own;
            return own >= TCP_BYTES && headersBytes <= looked;
        }
        return true;
    }

    private static boolean isTag(int type) {
        return type == TYPE_TAG || type == TYPE_SERVICE_TAG;
    }

    private boolean isIpHeader(int type) {
        if (ipv6) {
            return transport >= ip + PacketDescriptor.IPV6_BYTES;
        }
        if (type != PacketDescriptor.TYPE_IPV4 || transport < ip + PacketDescriptor.IPV4_BYTES) {
            return false;
        }
        int own = (headers.get(BYTE, ip) & NIBBLE) * Integer.BYTES;
        return ip + own == transport && (headers.get(BYTE, ip + IPV4_PROTOCOL)) == protocol;
    }

    /** How many segments there are. */
    int segments() {
        return segments;
    }

    /** How long the longest of them is. */
    int mostBytes() {
        return headersBytes + Math.min(segmentBytes, payloadBytes);
    }

    /** Where the sum of each begins. */
    int transport() {
        return transport;
    }

    /**
     * Makes the next segment; from the first on, each once.
     *
     * @param number of the segment, from 0 on
     * @param summed whether with its sum, or with the pseudo header's only
     * @return its bytes, or -1 on a fault of the sender
     */
    int cut(Frame frame, int number, boolean summed) {
        int done = number * segmentBytes;
        int part = Math.min(segmentBytes, payloadBytes - done);
        int length = headersBytes + part;
        MemorySegment.copy(headers, 0, out, 0, headersBytes);
        if (!frame.source.copyTo(out, headersBytes, part)) {
            return -1;
        }
        int packet = length - transport;
        int pseudo = ipv6 ? ipv6Header(length, packet) : ipv4Header(length, packet, number);
        int sumOffset = PacketDescriptor.UDP_SUM;
        if (protocol == TCP) {
            tcpHeader(number, done);
            sumOffset = TCP_SUM;
        } else {
            out.set(SHORT, transport + PacketDescriptor.UDP_LENGTH, (short) packet);
        }
        // The pseudo header's sum stands where the sum will be, and so becomes part of it.
        out.set(SHORT, transport + sumOffset, (short) pseudo);
        if (summed) {
            store(transport + sumOffset, InternetSum.add(0, out, transport, packet), sumOffset);
        }
        cursor.openMemory(out, 0, length);
        return length;
    }

    private int ipv4Header(int length, int packet, int number) {
        out.set(SHORT, ip + IPV4_LENGTH, (short) (length - ip));
        out.set(SHORT, ip + IPV4_ID, (short) (headers.get(SHORT, ip + IPV4_ID) + number));
        out.set(SHORT, ip + IPV4_SUM, (short) 0);
        int sum = InternetSum.add(0, out, ip, transport - ip);
        out.set(SHORT, ip + IPV4_SUM, InternetSum.stored(sum));
        return InternetSum.pseudoHeader(
                out.get(INT, ip + IPV4_SOURCE),
                out.get(INT, ip + IPV4_DESTINATION),
                protocol,
                packet);
    }

    private int ipv6Header(int length, int packet) {
        out.set(SHORT, ip + IPV6_LENGTH, (short) (length - ip - PacketDescriptor.IPV6_BYTES));
        return InternetSum.pseudoHeaderIpv6(out, ip + IPV6_SOURCE, protocol, packet);
    }

    /** The end is the last's, and that a window was made smaller is said once (RFC 3168). */
    private void tcpHeader(int number, int done) {
        out.set(INT, transport + TCP_NUMBER, headers.get(INT, transport + TCP_NUMBER) + done);
        int flags = tcpFlags;
        if (number + 1 < segments) {
            flags &= ~FIN_AND_PSH;
        }
        if (number > 0) {
            flags &= ~CWR;
        }
        out.set(BYTE, transport + TCP_FLAGS, (byte) flags);
    }

    /** Stands before what was made. */
    DmaCursor cursor() {
        return cursor;
    }
}
