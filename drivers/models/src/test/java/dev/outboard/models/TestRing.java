package dev.outboard.models;

import static dev.outboard.virtio.VirtqueueDescriptor.DESCRIPTOR_BYTES;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_NEXT;

import dev.outboard.backend.RingAddresses;
import dev.outboard.virtio.VirtqueueDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.function.LongUnaryOperator;

/**
 * The driver's side of a ring, written by hand: it can do everything that a driver may not.
 *
 * <p>Parts are at consecutive pages from the ring's bus address on.
 */
final class TestRing {
    private static final ValueLayout.OfLong U64 =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int PAGE = 4096;

    final int entries;
    final long address;
    final long availableAddress;
    final long usedAddress;
    private final MemorySegment memory;
    private final LongUnaryOperator offset;
    int availableIndex;
    int usedIndex;

    /** The head and the length of what {@link #take} took. */
    int takenHead;

    long takenLength;

    /**
     * @param memory where everything is
     * @param offset finds a bus address in it
     */
    TestRing(MemorySegment memory, LongUnaryOperator offset, long address, int entries) {
        this.memory = memory;
        this.offset = offset;
        this.address = address;
        this.entries = entries;
        availableAddress = address + pages(VirtqueueDescriptor.descriptorTableBytes(entries));
        usedAddress = availableAddress + pages(VirtqueueDescriptor.availableRingBytes(entries));
    }

    /** How many bytes a ring takes. */
    static long bytes(int entries) {
        return pages(VirtqueueDescriptor.descriptorTableBytes(entries))
                + pages(VirtqueueDescriptor.availableRingBytes(entries))
                + pages(VirtqueueDescriptor.usedRingBytes(entries));
    }

    private static long pages(long bytes) {
        return (bytes + PAGE - 1) / PAGE * PAGE;
    }

    RingAddresses addresses() {
        return new RingAddresses(address, availableAddress, usedAddress);
    }

    /** Writes a descriptor of the ring. */
    void descriptor(int index, long bufferAddress, long length, int flags, int next) {
        descriptorAt(address + (long) index * DESCRIPTOR_BYTES, bufferAddress, length, flags, next);
    }

    /** Writes a descriptor anywhere, as into an indirect table. */
    void descriptorAt(long at, long bufferAddress, long length, int flags, int next) {
        memory.set(U64, offset.applyAsLong(at), bufferAddress);
        long rest = length & 0xffff_ffffL | (long) flags << 32 | (long) next << 48;
        memory.set(U64, offset.applyAsLong(at + 8), rest);
    }

    /** Puts a head into the available ring; visible after {@link #publish}. */
    void offer(int head) {
        int slot = availableIndex & entries - 1;
        memory.set(
                VirtqueueDescriptor.U16,
                offset.applyAsLong(availableAddress + 4 + 2L * slot),
                (short) head);
        availableIndex = availableIndex + 1 & 0xffff;
    }

    /** Shows what was offered; whether the device wants its doorbell for it. */
    boolean publish(boolean eventIndex, int before) {
        index(availableIndex);
        VarHandle.fullFence();
        if (eventIndex) {
            return VirtqueueDescriptor.passedEvent(
                    short16(usedAddress + 4 + 8L * entries), availableIndex, before);
        }
        return (short16(usedAddress) & VirtqueueDescriptor.USED_NO_NOTIFY) == 0;
    }

    /** Writes the available index, whatever it should be. */
    void index(int value) {
        VirtqueueDescriptor.SHORT.setRelease(
                memory, offset.applyAsLong(availableAddress + 2), (short) value);
    }

    /** Offers a single buffer under the head of its own number, and shows it. */
    void offerOne(int head, long bufferAddress, long length, int flags) {
        descriptor(head, bufferAddress, length, flags & ~FLAG_NEXT, 0);
        offer(head);
        publish(false, 0);
    }

    /** Says from which used index on there is to be an interrupt. */
    void usedEvent(int value) {
        VirtqueueDescriptor.SHORT.setOpaque(
                memory, offset.applyAsLong(availableAddress + 4 + 2L * entries), (short) value);
    }

    /** Sets the available ring's flags. */
    void flags(int value) {
        VirtqueueDescriptor.SHORT.setOpaque(
                memory, offset.applyAsLong(availableAddress), (short) value);
    }

    /** The device's wish for doorbells: its event index. */
    int availableEvent() {
        return short16(usedAddress + 4 + 8L * entries);
    }

    /** The used ring's flags. */
    int usedFlags() {
        return short16(usedAddress);
    }

    /** The used index in memory. */
    int used() {
        return short16(usedAddress + 2);
    }

    /** Takes the next completion; false when there is none. */
    boolean take() {
        int index =
                (short)
                                VirtqueueDescriptor.SHORT.getAcquire(
                                        memory, offset.applyAsLong(usedAddress + 2))
                        & 0xffff;
        if (index == usedIndex) {
            return false;
        }
        long at = usedAddress + 4 + 8L * (usedIndex & entries - 1);
        takenHead = memory.get(VirtqueueDescriptor.U32, offset.applyAsLong(at));
        takenLength = memory.get(VirtqueueDescriptor.U32, offset.applyAsLong(at + 4));
        usedIndex = usedIndex + 1 & 0xffff;
        return true;
    }

    private int short16(long at) {
        return (short) VirtqueueDescriptor.SHORT.getOpaque(memory, offset.applyAsLong(at)) & 0xffff;
    }
}
