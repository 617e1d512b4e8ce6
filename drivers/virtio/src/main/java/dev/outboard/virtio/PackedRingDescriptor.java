package dev.outboard.virtio;

import java.lang.invoke.VarHandle;

/**
 * Layout of a packed virtqueue (VIRTIO 1.2, section 2.8). Everything is little-endian.
 *
 * <pre>
 *   ring, 16 bytes a descriptor             event suppression, one of each side
 *   0         8        12     14      16    0               2       4
 *   +---------+--------+------+-------+     +---------------+-------+
 *   | address | length |  id  | flags |     | offset, wrap  | flags |
 *   +---------+--------+------+-------+     +---------------+-------+
 * </pre>
 *
 * <p>A descriptor is available where its available flag is the driver's wrap counter and its used
 * flag is not; it is used where both are the device's. Length, id and flags are one aligned word of
 * 64 bits: who reads the word with its flags has all of it. So is an event one of 32.
 */
public final class PackedRingDescriptor {
    /** The most descriptors of a packed ring, which need not be a power of two. */
    public static final int MAXIMUM_ENTRIES = 32768;

    /** Size of a descriptor in bytes. */
    public static final int DESCRIPTOR_BYTES = 16;

    /** Offset of the address in a descriptor: 64 bits. */
    public static final int ADDRESS_OFFSET = 0;

    /** Offset of the length in a descriptor: 32 bits. */
    public static final int LENGTH_OFFSET = 8;

    /** Offset of the buffer's id in a descriptor: 16 bits. */
    public static final int ID_OFFSET = 12;

    /** Offset of the flags in a descriptor: 16 bits. */
    public static final int FLAGS_OFFSET = 14;

    /** In the flags, beside those of a split ring: the driver's wrap counter. */
    public static final int FLAG_AVAILABLE = 1 << 7;

    /** In the flags: the device's wrap counter, or the other one until it is used. */
    public static final int FLAG_USED = 1 << 15;

    /** Size of an event suppression structure in bytes. */
    public static final int EVENT_BYTES = 4;

    /** Offset of an event's offset in the ring: 15 bits, and the wrap counter above. */
    public static final int EVENT_OFFSET_OFFSET = 0;

    /** Offset of an event's flags: 16 bits, of which two are used. */
    public static final int EVENT_FLAGS_OFFSET = 2;

    /** An event's flags: each is told. */
    public static final int EVENT_ENABLE = 0;

    /** An event's flags: none is told. */
    public static final int EVENT_DISABLE = 1;

    /** An event's flags: told when the descriptor at the offset is; needs EVENT_IDX. */
    public static final int EVENT_DESCRIPTOR = 2;

    /** In an event's offset, and in a position: the wrap counter. */
    public static final int WRAP = 1 << 15;

    /** Offset of the word of length, id and flags in a descriptor: 64 bits. */
    public static final int WORD_OFFSET = LENGTH_OFFSET;

    /** Where the id begins in the word, in bits. */
    public static final int ID_SHIFT = 32;

    /** Where the flags begin in the word, in bits. */
    public static final int FLAGS_SHIFT = 48;

    /** Where the flags begin in an event that is read as one word, in bits. */
    public static final int EVENT_FLAGS_SHIFT = 16;

    /** Of an event's flags, the bits that mean something. */
    public static final int EVENT_FLAGS_MASK = 3;

    /**
     * Access modes of a descriptor's word, from {@link #WORD_OFFSET}: coordinates (MemorySegment,
     * long offset).
     */
    public static final VarHandle WORD = VirtqueueDescriptor.U64.varHandle();

    /** Access modes of an event as one word of 32 bits: (MemorySegment, long offset). */
    public static final VarHandle EVENT = VirtqueueDescriptor.U32.varHandle();

    private PackedRingDescriptor() {}

    /** Size of the ring in bytes. */
    public static long ringBytes(int entries) {
        return (long) entries * DESCRIPTOR_BYTES;
    }

    /**
     * Whether the position that moved from {@code before} to {@code now} passed {@code event}: the
     * other side asked to be told (section 2.8.10). Positions are a slot, with {@link #WRAP} where
     * the counter is 1; no more than a ring is between the two.
     */
    public static boolean passedEvent(int event, int now, int before, int entries) {
        int slot = now & WRAP - 1;
        int old = before & WRAP - 1;
        int wanted = event & WRAP - 1;
        if (((now ^ before) & WRAP) != 0) {
            old -= entries;
        }
        if (((now ^ event) & WRAP) != 0) {
            wanted -= entries;
        }
        return VirtqueueDescriptor.passedEvent(wanted, slot, old);
    }

    /**
     * The flags that make a descriptor available.
     *
     * @param lap how often the driver has gone round the ring: its wrap counter is 1 in lap 0
     */
    public static int availableFlags(int lap) {
        return FLAG_AVAILABLE << ((lap & 1) << 3);
    }

    /**
     * Whether a descriptor with such flags is used.
     *
     * @param lap how often the device has gone round the ring: its wrap counter is 1 in lap 0
     */
    public static boolean isUsed(int flags, int lap) {
        int both = FLAG_AVAILABLE | FLAG_USED;
        return (flags & both) == (both & (lap & 1) - 1);
    }
}
