package dev.outboard.uio.net;

import dev.outboard.uio.Mapping;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * One ring that is shared with the kernel: of one producer and one consumer, this process one of
 * them. One thread; no allocation.
 *
 * <p>What this side has produced or consumed is published by a release of its count, and what the
 * other side has by an acquire of its: each is the other's partner, here and in the kernel.
 */
final class XdpRing {
    private static final VarHandle INT = ValueLayout.JAVA_INT.varHandle();

    private final Mapping mapping;
    private final MemorySegment memory;
    private final long ownAt;
    private final long otherAt;
    private final long flagsAt;
    private final long entriesAt;
    private final int entryBytes;
    private final int size;

    /** This side's count, with what is not published yet. */
    private int own;

    private int published;

    /** The other side's, as it was seen last. */
    private int other;

    /**
     * @param offsets {@code struct xdp_ring_offset}
     * @param size entries; a power of two
     * @param isProducer whether this process fills the ring
     */
    XdpRing(Mapping mapping, MemorySegment offsets, int entryBytes, int size, boolean isProducer) {
        this.mapping = mapping;
        this.memory = mapping.memory();
        this.entryBytes = entryBytes;
        this.size = size;
        long producerAt = offsets.get(ValueLayout.JAVA_LONG, XdpDescriptor.PRODUCER);
        long consumerAt = offsets.get(ValueLayout.JAVA_LONG, XdpDescriptor.CONSUMER);
        entriesAt = offsets.get(ValueLayout.JAVA_LONG, XdpDescriptor.ENTRIES);
        flagsAt = offsets.get(ValueLayout.JAVA_LONG, XdpDescriptor.FLAGS);
        ownAt = isProducer ? producerAt : consumerAt;
        otherAt = isProducer ? consumerAt : producerAt;
    }

    /** How long a mapping must be for such a ring. */
    static long lengthBytes(MemorySegment offsets, int entryBytes, int size) {
        return offsets.get(ValueLayout.JAVA_LONG, XdpDescriptor.ENTRIES) + (long) size * entryBytes;
    }

    /** Of a producer: entries that can be filled now. */
    int room() {
        int room = size - (own - other);
        if (room == 0) {
            other = (int) INT.getAcquire(memory, otherAt);
            room = size - (own - other);
        }
        return room;
    }

    /** Of a consumer: entries that wait. */
    int waiting() {
        if (other == own) {
            other = (int) INT.getAcquire(memory, otherAt);
        }
        return other - own;
    }

    /** Of a producer: entries that the kernel has not taken; a fresh look. */
    int outstanding() {
        other = (int) INT.getAcquire(memory, otherAt);
        return own - other;
    }

    /** Where the next entry is, in {@link #memory}; there must be one. */
    long next() {
        long at = entriesAt + (long) (own & size - 1) * entryBytes;
        own++;
        return at;
    }

    MemorySegment memory() {
        return memory;
    }

    /** Shows the kernel what was filled, or taken; whether there was anything. */
    boolean publish() {
        if (own == published) {
            return false;
        }
        published = own;
        INT.setRelease(memory, ownAt, own);
        return true;
    }

    /** Whether the kernel sleeps over this ring. */
    boolean needsWakeup() {
        return ((int) INT.getAcquire(memory, flagsAt) & XdpDescriptor.NEEDS_WAKEUP) != 0;
    }

    void close() {
        mapping.close();
    }
}
