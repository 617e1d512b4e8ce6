package dev.outboard.backend;

import static dev.outboard.virtio.PackedRingDescriptor.DESCRIPTOR_BYTES;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_INDIRECT;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_NEXT;

/**
 * A chain of a packed ring: consecutive descriptors, of which the last has the buffer's id (VIRTIO
 * 1.2, section 2.8.5). Owned by a {@link PackedDeviceQueue}, whose thread rules it follows.
 */
final class PackedChain extends DescriptorChain {
    private static final int ID_SHIFT = 32;
    private static final int FLAGS_SHIFT = 48;
    private static final int SHORT_MASK = 0xffff;

    private final RingWindow descriptors;
    private int id;
    private int slots;

    /** Over the queue's own window of the ring. */
    PackedChain(DeviceQueue queue, RingWindow descriptors) {
        super(queue);
        this.descriptors = descriptors;
    }

    /**
     * Reads the chain that begins at a slot, all of which the driver has made available with its
     * first descriptor.
     *
     * @throws RingException when it breaks the rules, or cannot be reached
     * @throws AwaitedException when it is not known yet where it is
     */
    void load(int first) {
        begin(first);
        int entries = entries();
        int slot = first;
        for (int seen = 1; seen <= entries; seen++) {
            long at = descriptors.at((long) slot * DESCRIPTOR_BYTES, DESCRIPTOR_BYTES);
            long address = descriptors.memory.get(U64, at);
            // Length, id and flags in one read: what is checked is what is used.
            long rest = descriptors.memory.get(U64, at + 8);
            int flags = (int) (rest >>> FLAGS_SHIFT);
            if ((flags & FLAG_INDIRECT) != 0) {
                walkTable(copyTable(address, rest & LENGTH_MASK, flags), first);
                end(rest, seen);
                return;
            }
            add(address, rest & LENGTH_MASK, flags);
            if ((flags & FLAG_NEXT) == 0) {
                end(rest, seen);
                return;
            }
            slot = slot + 1 < entries ? slot + 1 : 0;
        }
        throw broken("chain %d is longer than the ring's %d descriptors".formatted(first, entries));
    }

    private void end(long rest, int seen) {
        id = (int) (rest >>> ID_SHIFT) & SHORT_MASK;
        slots = seen;
    }

    /** A table has its descriptors in order, and of their flags only the direction means any. */
    private void walkTable(int length, int first) {
        for (int index = 0; index < length; index++) {
            long at = (long) index * DESCRIPTOR_BYTES;
            long rest = table().get(U64, at + 8);
            int flags = (int) (rest >>> FLAGS_SHIFT);
            if ((flags & FLAG_INDIRECT) != 0) {
                throw broken("chain %d has an indirect table inside another".formatted(first));
            }
            add(table().get(U64, at), rest & LENGTH_MASK, flags);
        }
    }

    @Override
    public int id() {
        return id;
    }

    /** How many descriptors of the ring it takes. */
    int slots() {
        return slots;
    }
}
