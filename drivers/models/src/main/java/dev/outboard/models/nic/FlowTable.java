package dev.outboard.models.nic;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * On which pair of queues a driver last sent frames of a flow: there it receives the answers
 * (VIRTIO 1.2, section 5.1.6.5.6, automatic receive steering). A table of fixed size by hash: what
 * falls together only shares a queue. One thread; nothing allocates.
 */
final class FlowTable {
    /** {@link #find} of a flow that was not seen. */
    static final int UNKNOWN = -1;

    private static final int SLOTS = 4096;
    private static final long GOLDEN = 0x9e3779b97f4a7c15L;
    private static final int TYPE_OFFSET = 12;
    private static final int ETHERNET_BYTES = 14;
    private static final int TAG_BYTES = 4;
    private static final int TYPE_IPV4 = 0x0800;
    private static final int TYPE_IPV6 = 0x86dd;
    private static final int TYPE_TAG = 0x8100;
    private static final int SHORT_MASK = 0xffff;
    private static final int BYTE_MASK = 0xff;
    private static final int IPV4_BYTES = 20;
    private static final int IPV6_BYTES = 40;
    private static final int IPV4_PIECE = 0x3fff;
    private static final int PORTS_BYTES = 4;
    private static final int TCP = 6;
    private static final int UDP = 17;

    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfInt INT =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfLong LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private final byte[] pairs = new byte[SLOTS];

    FlowTable() {
        forget();
    }

    /** Nothing was seen. */
    void forget() {
        Arrays.fill(pairs, (byte) UNKNOWN);
    }

    private static int slot(long hash) {
        return (int) (hash >>> 16) & SLOTS - 1;
    }

    /** A frame of this flow was sent on a pair. */
    void learn(long hash, int pair) {
        pairs[slot(hash)] = (byte) pair;
    }

    /** The pair that the flow was last sent on, or {@link #UNKNOWN}. */
    int find(long hash) {
        return pairs[slot(hash)];
    }

    /**
     * A hash of a frame's addresses, protocol and ports that is the same for both directions.
     *
     * @param bytes how much of the frame may be looked at, at least an Ethernet header
     */
    static long hash(MemorySegment memory, long frame, int bytes) {
        int type = memory.get(SHORT, frame + TYPE_OFFSET) & SHORT_MASK;
        int ip = ETHERNET_BYTES;
        if (type == TYPE_TAG && bytes >= ETHERNET_BYTES + TAG_BYTES) {
            type = memory.get(SHORT, frame + ETHERNET_BYTES + 2) & SHORT_MASK;
            ip += TAG_BYTES;
        }
        if (type == TYPE_IPV4 && bytes >= ip + IPV4_BYTES) {
            return ofIpv4(memory, frame, ip, bytes);
        }
        if (type == TYPE_IPV6 && bytes >= ip + IPV6_BYTES) {
            return ofIpv6(memory, frame, ip, bytes);
        }
        long to = memory.get(INT, frame) ^ memory.get(SHORT, frame + 4);
        long from = memory.get(INT, frame + 6) ^ memory.get(SHORT, frame + 10);
        return mix(to ^ from, type);
    }

    private static long ofIpv4(MemorySegment memory, long frame, int ip, int bytes) {
        long both = memory.get(INT, frame + ip + 12) ^ memory.get(INT, frame + ip + 16);
        int protocol = memory.get(ValueLayout.JAVA_BYTE, frame + ip + 9) & BYTE_MASK;
        int ports = ip + (memory.get(ValueLayout.JAVA_BYTE, frame + ip) & 15) * 4;
        boolean piece = (memory.get(SHORT, frame + ip + 6) & IPV4_PIECE) != 0;
        return mix(both, piece ? protocol : ports(memory, frame, ports, bytes, protocol));
    }

    private static long ofIpv6(MemorySegment memory, long frame, int ip, int bytes) {
        long both =
                memory.get(LONG, frame + ip + 8)
                        ^ memory.get(LONG, frame + ip + 16)
                        ^ memory.get(LONG, frame + ip + 24)
                        ^ memory.get(LONG, frame + ip + 32);
        int protocol = memory.get(ValueLayout.JAVA_BYTE, frame + ip + 6) & BYTE_MASK;
        return mix(both, ports(memory, frame, ip + IPV6_BYTES, bytes, protocol));
    }

    /** Both ports and the protocol as a number. */
    private static int ports(MemorySegment memory, long frame, int at, int bytes, int protocol) {
        if (protocol != TCP && protocol != UDP || at + PORTS_BYTES > bytes) {
            return protocol;
        }
        int ports = memory.get(INT, frame + at);
        return (ports >>> 16 ^ ports) & SHORT_MASK | protocol << 16;
    }

    private static long mix(long both, int more) {
        long mixed = (both + more) * GOLDEN;
        return (mixed ^ mixed >>> 29) * GOLDEN;
    }
}
