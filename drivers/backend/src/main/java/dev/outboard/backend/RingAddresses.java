package dev.outboard.backend;

import dev.outboard.virtio.PackedRingDescriptor;
import dev.outboard.virtio.VirtqueueDescriptor;

/**
 * Where the parts of a ring are, as bus addresses, or how long they are.
 *
 * @param descriptors the descriptor table, or the packed ring
 * @param available the driver's ring, or its event suppression
 * @param used the device's ring, or its event suppression
 */
public record RingAddresses(long descriptors, long available, long used) {
    /** How many bytes the parts of a split ring have. */
    static RingAddresses splitBytes(int entries) {
        return new RingAddresses(
                VirtqueueDescriptor.descriptorTableBytes(entries),
                VirtqueueDescriptor.availableRingBytes(entries),
                VirtqueueDescriptor.usedRingBytes(entries));
    }

    /** How many bytes the parts of a packed ring have. */
    static RingAddresses packedBytes(int entries) {
        return new RingAddresses(
                PackedRingDescriptor.ringBytes(entries),
                PackedRingDescriptor.EVENT_BYTES,
                PackedRingDescriptor.EVENT_BYTES);
    }
}
