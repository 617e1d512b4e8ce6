package dev.outboard.clients;

import java.nio.ByteBuffer;

/** The checksum of IPv4, ICMP and UDP: ones' complement of 16-bit words (RFC 1071). */
final class InternetSum {
    private static final int MASK = 0xffff;

    private InternetSum() {}

    /** The words of some bytes, added to what was before; an odd last byte counts as the upper. */
    static int add(int before, ByteBuffer bytes, int from, int lengthBytes) {
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

    /** A sum of 16 bits. */
    static int fold(int sum) {
        int folded = (sum & MASK) + (sum >>> Short.SIZE);
        return (folded & MASK) + (folded >>> Short.SIZE);
    }

    /** What is stored: the complement. */
    static short stored(int sum) {
        return (short) ~sum;
    }

    /** Whether a sum over bytes with their stored sum says that they are whole. */
    static boolean isRight(int sum) {
        return sum == MASK;
    }

    /** The pseudo header of UDP (RFC 768). */
    static int pseudoHeader(int source, int destination, int protocol, int lengthBytes) {
        return fold(
                (source >>> Short.SIZE)
                        + (source & MASK)
                        + (destination >>> Short.SIZE)
                        + (destination & MASK)
                        + protocol
                        + lengthBytes);
    }
}
