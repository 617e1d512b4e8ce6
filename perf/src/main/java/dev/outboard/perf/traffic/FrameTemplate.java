package dev.outboard.perf.traffic;

import java.lang.foreign.MemorySegment;

/**
 * Writes frames that count: all of a frame once for each buffer, and then, frame by frame, only
 * what differs, with a sum that is brought up to date instead of made anew. One thread; nothing
 * allocates after the constructor.
 */
final class FrameTemplate {
    private static final int MASK = 0xffff;

    private final MemorySegment frame;
    private final int lengthBytes;

    /** Of the pseudo header, the UDP header and the payload with all zeros where frames differ. */
    private final long sum;

    /**
     * @param lengthBytes of a frame, with its Ethernet header
     * @param destination 6 bytes
     * @param source 6 bytes
     * @param session tells frames of this run from those of another
     */
    FrameTemplate(int lengthBytes, byte[] destination, byte[] source, int session) {
        this.lengthBytes = lengthBytes;
        frame = MemorySegment.ofArray(new byte[lengthBytes]);
        MemorySegment.copy(
                MemorySegment.ofArray(destination),
                0,
                frame,
                TrafficDescriptor.DESTINATION,
                TrafficDescriptor.ADDRESS_BYTES);
        MemorySegment.copy(
                MemorySegment.ofArray(source),
                0,
                frame,
                TrafficDescriptor.SOURCE,
                TrafficDescriptor.ADDRESS_BYTES);
        putShort(TrafficDescriptor.ETHER_TYPE, TrafficDescriptor.ETHER_TYPE_IPV4);
        int packetBytes = lengthBytes - TrafficDescriptor.ETHERNET_BYTES;
        int datagramBytes = lengthBytes - TrafficDescriptor.UDP;
        writeIpv4(packetBytes);
        putShort(TrafficDescriptor.UDP, TrafficDescriptor.FROM_PORT);
        putShort(TrafficDescriptor.UDP_TO_PORT, TrafficDescriptor.TO_PORT);
        putShort(TrafficDescriptor.UDP_LENGTH, datagramBytes);
        frame.set(TrafficDescriptor.INT, TrafficDescriptor.MARK, TrafficDescriptor.MARK_VALUE);
        putShort(TrafficDescriptor.SESSION, session);
        sum =
                words(TrafficDescriptor.IPV4_FROM, TrafficDescriptor.UDP)
                        + TrafficDescriptor.PROTOCOL_UDP
                        + datagramBytes
                        + words(TrafficDescriptor.UDP, TrafficDescriptor.LEAST_BYTES);
    }

    private void writeIpv4(int packetBytes) {
        frame.set(
                java.lang.foreign.ValueLayout.JAVA_BYTE,
                TrafficDescriptor.IPV4,
                TrafficDescriptor.IPV4_FIRST_BYTE);
        putShort(TrafficDescriptor.IPV4_LENGTH, packetBytes);
        putShort(TrafficDescriptor.IPV4_FRAGMENT, TrafficDescriptor.IPV4_DO_NOT_CUT);
        putShort(
                TrafficDescriptor.IPV4_TTL,
                TrafficDescriptor.TTL << Byte.SIZE | TrafficDescriptor.PROTOCOL_UDP);
        frame.set(
                TrafficDescriptor.INT, TrafficDescriptor.IPV4_FROM, TrafficDescriptor.FROM_ADDRESS);
        frame.set(TrafficDescriptor.INT, TrafficDescriptor.IPV4_TO, TrafficDescriptor.TO_ADDRESS);
        putShort(
                TrafficDescriptor.IPV4_SUM,
                ~fold(words(TrafficDescriptor.IPV4, TrafficDescriptor.UDP)));
    }

    private void putShort(int at, int value) {
        frame.set(TrafficDescriptor.SHORT, at, (short) value);
    }

    private long words(int from, int end) {
        long total = 0;
        for (int at = from; at < end; at += Short.BYTES) {
            total += frame.get(TrafficDescriptor.SHORT, at) & MASK;
        }
        return total;
    }

    /** How long its frames are. */
    int lengthBytes() {
        return lengthBytes;
    }

    /** Writes all of a frame, whatever was there. */
    void write(MemorySegment memory, long at) {
        MemorySegment.copy(frame, 0, memory, at, lengthBytes);
    }

    /** Makes a frame that was written once the next one of its flow. */
    void number(MemorySegment memory, long at, int flow, long number, long stampNanos) {
        memory.set(
                TrafficDescriptor.SHORT,
                at + TrafficDescriptor.UDP,
                (short) (TrafficDescriptor.FROM_PORT + flow));
        memory.set(TrafficDescriptor.LONG, at + TrafficDescriptor.NUMBER, number);
        memory.set(TrafficDescriptor.LONG, at + TrafficDescriptor.STAMP, stampNanos);
        int stored = ~fold(sum + flow + lanes(number) + lanes(stampNanos)) & MASK;
        // None at all would be 0 (RFC 768).
        memory.set(
                TrafficDescriptor.SHORT,
                at + TrafficDescriptor.UDP_SUM,
                (short) (stored == 0 ? MASK : stored));
    }

    private static long lanes(long value) {
        return (value >>> 48) + (value >>> 32 & MASK) + (value >>> 16 & MASK) + (value & MASK);
    }

    private static int fold(long total) {
        long folded = (total & MASK) + (total >>> Short.SIZE);
        folded = (folded & MASK) + (folded >>> Short.SIZE);
        return (int) ((folded & MASK) + (folded >>> Short.SIZE));
    }
}
