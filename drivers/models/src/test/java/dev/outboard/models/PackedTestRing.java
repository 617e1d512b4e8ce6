package dev.outboard.models;

import static dev.outboard.virtio.PackedRingDescriptor.DESCRIPTOR_BYTES;
import static dev.outboard.virtio.PackedRingDescriptor.FLAG_AVAILABLE;
import static dev.outboard.virtio.PackedRingDescriptor.FLAG_USED;
import static dev.outboard.virtio.PackedRingDescriptor.WRAP;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_NEXT;

import dev.outboard.backend.RingAddresses;
import dev.outboard.virtio.PackedRingDescriptor;
import dev.outboard.virtio.VirtqueueDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.util.function.LongUnaryOperator;

/**
 * The driver's side of a packed ring, written by hand: it can do everything that a driver may not.
 * The event suppression structures are on the pages after the ring.
 */
final class PackedTestRing {
    private static final int PAGE = 4096;

    final int entries;
    final long address;
    final long driverEventAddress;
    final long deviceEventAddress;
    private final MemorySegment memory;
    private final LongUnaryOperator offset;

    /** Where the next descriptor goes, and where the next used one is expected. */
    int next = WRAP;

    int nextUsed = WRAP;

    /** Of what {@link #take} took. */
    int takenId;

    long takenLength;
    int takenFlags;

    PackedTestRing(MemorySegment memory, LongUnaryOperator offset, long address, int entries) {
        this.memory = memory;
        this.offset = offset;
        this.address = address;
        this.entries = entries;
        driverEventAddress = address + pages(PackedRingDescriptor.ringBytes(entries));
        deviceEventAddress = driverEventAddress + PAGE;
    }

    private static long pages(long bytes) {
        return (bytes + PAGE - 1) / PAGE * PAGE;
    }

    RingAddresses addresses() {
        return new RingAddresses(address, driverEventAddress, deviceEventAddress);
    }

    /** The position so many slots further. */
    int after(int position, int slots) {
        int slot = (position & WRAP - 1) + slots;
        return slot < entries ? slot | position & WRAP : slot - entries | position & WRAP ^ WRAP;
    }

    /** Writes a descriptor at a position, available there. */
    void descriptor(int position, long bufferAddress, long length, int id, int flags) {
        int own = (position & WRAP) != 0 ? FLAG_AVAILABLE : FLAG_USED;
        raw(position & WRAP - 1, bufferAddress, length, id, flags | own);
    }

    /** Writes a descriptor into a slot, whatever its flags are. */
    void raw(int slot, long bufferAddress, long length, int id, int flags) {
        descriptorAt(address + (long) slot * DESCRIPTOR_BYTES, bufferAddress, length, id, flags);
    }

    /** Writes a descriptor anywhere, as into an indirect table. */
    void descriptorAt(long at, long bufferAddress, long length, int id, int flags) {
        memory.set(VirtqueueDescriptor.U64, offset.applyAsLong(at), bufferAddress);
        long rest = length & 0xffff_ffffL | (long) id << 32 | (long) flags << 48;
        VirtqueueDescriptor.U64.varHandle().setRelease(memory, offset.applyAsLong(at + 8), rest);
    }

    /** Makes a chain available: its first descriptor last. */
    void offer(int id, long[] addresses, long[] lengths, int[] flags) {
        int count = addresses.length;
        for (int i = count - 1; i >= 0; i--) {
            int more = i + 1 < count ? FLAG_NEXT : 0;
            descriptor(after(next, i), addresses[i], lengths[i], id, flags[i] | more);
        }
        next = after(next, count);
    }

    /** Makes a single buffer available. */
    void offerOne(int id, long bufferAddress, long length, int flags) {
        offer(id, new long[] {bufferAddress}, new long[] {length}, new int[] {flags});
    }

    /** What is in a slot: length, id and flags. */
    long rest(int slot) {
        long at = offset.applyAsLong(address + (long) slot * DESCRIPTOR_BYTES + 8);
        return (long) VirtqueueDescriptor.U64.varHandle().getAcquire(memory, at);
    }

    /** Takes the next used descriptor, without going past it; false when there is none. */
    boolean take() {
        long rest = rest(nextUsed & WRAP - 1);
        int flags = (int) (rest >>> 48);
        int wanted = (nextUsed & WRAP) != 0 ? FLAG_AVAILABLE | FLAG_USED : 0;
        if ((flags & (FLAG_AVAILABLE | FLAG_USED)) != wanted) {
            return false;
        }
        takenId = (int) (rest >>> 32) & 0xffff;
        takenLength = rest & 0xffff_ffffL;
        takenFlags = flags;
        return true;
    }

    /** Goes on behind what was taken, a chain of so many descriptors. */
    void skip(int slots) {
        nextUsed = after(nextUsed, slots);
    }

    /** The driver's wish for interrupts. */
    void wish(int event) {
        memory.set(VirtqueueDescriptor.U32, offset.applyAsLong(driverEventAddress), event);
        VarHandle.fullFence();
    }

    /** The device's wish for doorbells. */
    int deviceWish() {
        return memory.get(VirtqueueDescriptor.U32, offset.applyAsLong(deviceEventAddress));
    }
}
