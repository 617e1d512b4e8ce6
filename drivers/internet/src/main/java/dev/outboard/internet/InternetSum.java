package dev.outboard.internet;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The checksum of IPv4, ICMP and UDP: ones' complement of 16-bit words (RFC 1071). Any thread;
 * nothing allocates.
 */
public final class InternetSum {
    private static final int MASK = 0xffff;
    private static final long WORD_MASK = 0xffff_ffffL;
    private static final ValueLayout.OfLong LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private InternetSum() {}

    /** The words of some bytes, added to what was before; an odd last byte counts as the upper. */
    public static int add(int before, ByteBuffer bytes, int from, int lengthBytes) {
        int sum = before;
        int even = lengthBytes & ~1;
        for (int offset = 0; offset < even; offset += Short.BYTES) {
            sum += bytes.getShort(from + offset) & MASK;
        }
        if (even != lengthBytes) {
            sum += (bytes.get(from + even) & 0xff) << Byte.SIZE;
        }
        return fold(sum);
    }

    /**
     * The same of memory, eight bytes a step: a sum of longer words folds to that of its halves.
     *
     * @param before a sum of 16 bits
     */
    public static int add(int before, MemorySegment memory, long from, int lengthBytes) {
        long sum = before;
        int offset = 0;
        for (; offset <= lengthBytes - Long.BYTES; offset += Long.BYTES) {
            long word = memory.get(LONG, from + offset);
            sum += (word >>> Integer.SIZE) + (word & WORD_MASK);
        }
        for (; offset < lengthBytes; offset++) {
            int value = memory.get(ValueLayout.JAVA_BYTE, from + offset) & 0xff;
            sum += (offset & 1) == 0 ? value << Byte.SIZE : value;
        }
        // 32 bits of carries at most: twice 64 KiB of words of 32 bits.
        sum = (sum & WORD_MASK) + (sum >>> Integer.SIZE);
        sum = (sum & MASK) + (sum >>> Short.SIZE & MASK) + (sum >>> Integer.SIZE);
        return fold((int) sum);
    }

    /** A sum of 16 bits. */
    public static int fold(int sum) {
        int folded = (sum & MASK) + (sum >>> Short.SIZE);
        return (folded & MASK) + (folded >>> Short.SIZE);
    }

    /** What is stored: the complement. */
    public static short stored(int sum) {
        return (short) ~sum;
    }

    /** Whether a sum over bytes with their stored sum says that they are whole. */
    public static boolean isRight(int sum) {
        return sum == MASK;
    }

    /** The same, where 0 would say that there is no sum: UDP (RFC 768). */
    public static short storedOrOnes(int sum) {
        short stored = stored(sum);
        return stored == 0 ? (short) MASK : stored;
    }

    /**
     * The pseudo header of IPv6 (RFC 8200, section 8.1), of a packet whose addresses are in memory.
     *
     * @param addresses where the source is; the destination follows it
     */
    public static int pseudoHeaderIpv6(
            MemorySegment memory, long addresses, int protocol, int lengthBytes) {
        int sum = fold(protocol + (lengthBytes >>> Short.SIZE) + (lengthBytes & MASK));
        return add(sum, memory, addresses, 2 * PacketDescriptor.IPV6_ADDRESS_BYTES);
    }

    /** The pseudo header of UDP (RFC 768). */
    public static int pseudoHeader(int source, int destination, int protocol, int lengthBytes) {
        return fold(
                (source >>> Short.SIZE)
                        + (source & MASK)
                        + (destination >>> Short.SIZE)
                        + (destination & MASK)
                        + protocol
                        + lengthBytes);
    }
}
