package dev.outboard.virtio;

import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Layout of a split virtqueue (VIRTIO 1.2, section 2.7). Everything is little-endian.
 *
 * <pre>
 *   descriptor table, 16 bytes each         available ring, 2 bytes a head
 *   0         8        12      14     16     0       2       4         4+2N
 *   +---------+--------+-------+------+      +-------+-------+---...---+------------+
 *   | address | length | flags | next |      | flags | index |  heads  | used event |
 *   +---------+--------+-------+------+      +-------+-------+---...---+------------+
 *
 *   used ring, 8 bytes an element
 *   0       2       4             4+8N
 *   +-------+-------+-----...-----+-----------------+
 *   | flags | index | id, length  | available event |
 *   +-------+-------+-----...-----+-----------------+
 * </pre>
 */
public final class VirtqueueDescriptor {
    /** The most entries of a split ring. */
    public static final int MAXIMUM_ENTRIES = 32768;

    /** Size of a descriptor in bytes. */
    public static final int DESCRIPTOR_BYTES = 16;

    /** Offset of the address in a descriptor: 64 bits. */
    public static final int ADDRESS_OFFSET = 0;

    /** Offset of the length in a descriptor: 32 bits. */
    public static final int LENGTH_OFFSET = 8;

    /** Offset of the flags in a descriptor: 16 bits. */
    public static final int FLAGS_OFFSET = 12;

    /** Offset of the next descriptor's index in a descriptor: 16 bits. */
    public static final int NEXT_OFFSET = 14;

    /** Another descriptor follows, at {@code next}. */
    public static final int FLAG_NEXT = 1;

    /** The device writes this buffer; otherwise it reads it. */
    public static final int FLAG_WRITE = 2;

    /** The buffer holds a table of descriptors. */
    public static final int FLAG_INDIRECT = 4;

    /** Offset of the flags in either ring: 16 bits. */
    public static final int RING_FLAGS_OFFSET = 0;

    /** Offset of the index in either ring: 16 bits, wraps. */
    public static final int RING_INDEX_OFFSET = 2;

    /** Offset of the first element in either ring. */
    public static final int RING_ELEMENTS_OFFSET = 4;

    /** Size of an element of the available ring in bytes. */
    public static final int AVAILABLE_ELEMENT_BYTES = 2;

    /**
     * Size of an element of the used ring in bytes: the head's index and the length, 32 bits each.
     */
    public static final int USED_ELEMENT_BYTES = 8;

    /** In the available ring's flags: the driver wants no interrupt. */
    public static final int AVAILABLE_NO_INTERRUPT = 1;

    /** In the used ring's flags: the device wants no doorbell. */
    public static final int USED_NO_NOTIFY = 1;

    /** 16 bits, little-endian. */
    public static final ValueLayout.OfShort U16 =
            ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** 32 bits, little-endian. */
    public static final ValueLayout.OfInt U32 =
            ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** 64 bits, little-endian. */
    public static final ValueLayout.OfLong U64 =
            ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);

    /**
     * Access modes for the 16-bit words that both sides use: coordinates (MemorySegment, long
     * offset).
     */
    public static final VarHandle SHORT = U16.varHandle();

    private VirtqueueDescriptor() {}

    /** Size of the descriptor table in bytes. */
    public static long descriptorTableBytes(int entries) {
        return (long) entries * DESCRIPTOR_BYTES;
    }

    /** Size of the available ring in bytes, with the used event at its end. */
    public static long availableRingBytes(int entries) {
        return RING_ELEMENTS_OFFSET + (long) entries * AVAILABLE_ELEMENT_BYTES + 2;
    }

    /** Size of the used ring in bytes, with the available event at its end. */
    public static long usedRingBytes(int entries) {
        return RING_ELEMENTS_OFFSET + (long) entries * USED_ELEMENT_BYTES + 2;
    }

    /** Where in the available ring the driver says at which used index it wants an interrupt. */
    public static long usedEventOffset(int entries) {
        return RING_ELEMENTS_OFFSET + (long) entries * AVAILABLE_ELEMENT_BYTES;
    }

    /** Where in the used ring the device says at which available index it wants a doorbell. */
    public static long availableEventOffset(int entries) {
        return RING_ELEMENTS_OFFSET + (long) entries * USED_ELEMENT_BYTES;
    }

    /**
     * Whether the index that moved from {@code before} to {@code now} passed {@code event}: the
     * other side asked to be told (section 2.7.7.2 and 2.7.10). All are 16 bits and wrap.
     */
    public static boolean passedEvent(int event, int now, int before) {
        return ((now - event - 1) & 0xffff) < ((now - before) & 0xffff);
    }
}
