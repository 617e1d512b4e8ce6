package dev.outboard.models.nic;

import static dev.outboard.virtio.NetDescriptor.ETHERNET_HEADER_BYTES;
import static dev.outboard.virtio.NetDescriptor.HEADER_BYTES;

import dev.outboard.backend.DeviceQueue;
import dev.outboard.backend.DmaCursor;
import dev.outboard.virtio.NetDescriptor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The frame at hand: the header and the addresses of the next chain of a sender, each read once,
 * and a cursor over the rest.
 *
 * <p>One for a switch. The loop's thread, within a DMA section of the sender; nothing allocates.
 */
final class Frame {
    /** What became of {@link #open}. */
    static final int GOOD = 0;

    static final int MALFORMED = 1;
    static final int FAULT = 2;

    /** With a VLAN tag (IEEE 802.1Q), which is not part of the MTU. */
    static final int BEYOND_MTU_BYTES = ETHERNET_HEADER_BYTES + 4;

    /** The longest that is to be cut: a packet of 64 KiB, with what is before it. */
    static final int MOST_UNCUT_BYTES = 0xffff + BEYOND_MTU_BYTES;

    /** What is looked at of a frame: its headers, or most of them. */
    static final int PEEK_BYTES = 128;

    private static final int SOURCE_OFFSET = 6;
    private static final long MAC_MASK = 0xffff_ffff_ffffL;
    private static final int TYPE_OFFSET = 12;
    private static final int TAGGED = 0x8100;
    private static final int TYPE_IPV6 = 0x86dd;
    private static final int TAG_MASK = 0xfff;
    private static final int SHORT_MASK = 0xffff;

    private static final ValueLayout.OfLong U64 =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt U32 =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort BIG_SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    final DmaCursor source = new DmaCursor();

    /** The header's words: see {@link FrameHeader}. */
    long first;

    int second;

    /** Without the header before it. */
    long bytes;

    long target;
    long origin;

    private final MemorySegment scratch =
            Arena.ofAuto().allocate(HEADER_BYTES + PEEK_BYTES, Long.BYTES);
    private DeviceQueue queue;
    private MemorySegment peek = MemorySegment.NULL;
    private long peekOffset;
    private int peekBytes;

    /** Whether {@link #source} still stands where the chain begins. */
    private boolean fresh;

    private long hash;

    /**
     * Takes the loaded chain of a queue for the frame.
     *
     * @param features what its driver accepted
     */
    int open(DeviceQueue newQueue, long features, int mtuBytes) {
        queue = newQueue;
        bytes = queue.chain().readableBytes() - HEADER_BYTES;
        if (bytes < ETHERNET_HEADER_BYTES || bytes > MOST_UNCUT_BYTES) {
            return MALFORMED;
        }
        if (!peek()) {
            return FAULT;
        }
        first = peek.get(U64, peekOffset - HEADER_BYTES);
        if (FrameHeader.isWhole(first)) {
            first = 0;
            second = 0;
            if (bytes > mtuBytes + BEYOND_MTU_BYTES) {
                return MALFORMED;
            }
        } else {
            second =
                    peek.get(
                            U32,
                            peekOffset - HEADER_BYTES + NetDescriptor.HEADER_CSUM_OFFSET_OFFSET);
            boolean cut = FrameHeader.gsoType(first) != NetDescriptor.GSO_NONE;
            if (!FrameHeader.isAllowed(first, second, bytes, features)
                    || !cut && bytes > mtuBytes + BEYOND_MTU_BYTES) {
                return MALFORMED;
            }
        }
        target = peek.get(U64, peekOffset) & MAC_MASK;
        origin = peek.get(U64, peekOffset + SOURCE_OFFSET) & MAC_MASK;
        hash = 0;
        return GOOD;
    }

    /** Finds the first bytes in one piece; copied where they are in several. */
    private boolean peek() {
        source.openReadable(queue);
        if (!source.next()) {
            return false;
        }
        int wanted = HEADER_BYTES + (int) Math.min(bytes, PEEK_BYTES);
        peek = source.memory;
        peekOffset = source.offset + HEADER_BYTES;
        fresh = source.lengthBytes >= wanted;
        if (!fresh) {
            if (!source.copyTo(scratch, 0, wanted)) {
                return false;
            }
            peek = scratch;
            peekOffset = HEADER_BYTES;
        }
        peekBytes = wanted - HEADER_BYTES;
        return true;
    }

    /**
     * Stands before the frame's first byte.
     *
     * @return false on a fault
     */
    boolean rewind() {
        if (!fresh) {
            source.openReadable(queue);
        }
        // Of a frame for one receiver the first piece is found once.
        fresh = false;
        return source.skip(HEADER_BYTES);
    }

    /** Whose frame it is. */
    DeviceQueue queue() {
        return queue;
    }

    /** Its VLAN, or -1 where it has no tag. */
    int vlan() {
        if (peekBytes < BEYOND_MTU_BYTES || type() != TAGGED) {
            return -1;
        }
        return peek.get(BIG_SHORT, peekOffset + TYPE_OFFSET + 2) & TAG_MASK;
    }

    /** Whether it says that it has a packet of IPv6. */
    boolean isIpv6() {
        boolean tagged = type() == TAGGED && peekBytes >= BEYOND_MTU_BYTES;
        int at = tagged ? TYPE_OFFSET + 4 : TYPE_OFFSET;
        return (peek.get(BIG_SHORT, peekOffset + at) & SHORT_MASK) == TYPE_IPV6;
    }

    private int type() {
        return peek.get(BIG_SHORT, peekOffset + TYPE_OFFSET) & SHORT_MASK;
    }

    /** A number that is the same for all frames of a flow, both ways; never 0. */
    long flowHash() {
        if (hash == 0) {
            hash = FlowTable.hash(peek, peekOffset, peekBytes) | 1L << 63;
        }
        return hash;
    }
}
