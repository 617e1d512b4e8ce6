package dev.outboard.backend;

import static dev.outboard.virtio.VirtqueueDescriptor.DESCRIPTOR_BYTES;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_INDIRECT;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_NEXT;

import dev.outboard.dma.BusMaster;
import dev.outboard.iommu.Access;
import dev.outboard.virtio.VirtqueueDescriptor;

/**
 * A chain of a split ring: each descriptor names the next (VIRTIO 1.2, section 2.7.5). Owned by a
 * {@link SplitDeviceQueue}, whose thread rules it follows.
 */
final class SplitChain extends DescriptorChain {
    private static final int FLAGS_SHIFT = 32;
    private static final int NEXT_SHIFT = 48;
    private static final int SHORT_MASK = 0xffff;

    private final RingWindow descriptors;
    private int head;

    SplitChain(DeviceQueue queue) {
        super(queue);
        descriptors = new RingWindow(queue, "descriptor table", DESCRIPTOR_BYTES, Access.READ);
    }

    /** Says where the descriptor table is, how long, and whether it may name others. */
    void place(BusMaster bus, long address, int entries, boolean indirect) {
        placeTables(bus, entries, indirect);
        descriptors.place(bus, address, VirtqueueDescriptor.descriptorTableBytes(entries));
    }

    /** Drops what was resolved: the generation is another. */
    void forget() {
        descriptors.forget();
    }

    /**
     * Reads the chain that begins at a descriptor.
     *
     * @throws RingException when it breaks the rules, or cannot be reached
     * @throws AwaitedException when it is not known yet where it is
     */
    void load(int newHead) {
        head = newHead;
        if (head >= entries()) {
            throw broken("head %d is outside the ring's %d entries".formatted(head, entries()));
        }
        begin(newHead);
        walk();
    }

    /** The descriptor that the chain began with. */
    @Override
    public int id() {
        return head;
    }

    private void walk() {
        int entries = entries();
        int index = head;
        for (int seen = 0; seen < entries; seen++) {
            long at = descriptors.at((long) index * DESCRIPTOR_BYTES, DESCRIPTOR_BYTES);
            // Length, flags and next in one read: what is checked is what is used.
            long address = descriptors.memory.get(U64, at);
            long rest = descriptors.memory.get(U64, at + 8);
            int flags = (int) (rest >>> FLAGS_SHIFT) & SHORT_MASK;
            if ((flags & FLAG_INDIRECT) != 0) {
                walkTable(copyTable(address, rest & LENGTH_MASK, flags));
                return;
            }
            add(address, rest & LENGTH_MASK, flags);
            if ((flags & FLAG_NEXT) == 0) {
                return;
            }
            index = (int) (rest >>> NEXT_SHIFT);
            if (index >= entries) {
                throw broken(
                        "chain %d goes on at %d, outside the ring's %d entries"
                                .formatted(head, index, entries));
            }
        }
        throw broken(
                "chain %d is a loop: longer than the ring's %d entries".formatted(head, entries));
    }

    private void walkTable(int length) {
        int index = 0;
        for (int seen = 0; seen < length; seen++) {
            long at = (long) index * DESCRIPTOR_BYTES;
            long rest = table().get(U64, at + 8);
            int flags = (int) (rest >>> FLAGS_SHIFT) & SHORT_MASK;
            if ((flags & FLAG_INDIRECT) != 0) {
                throw broken("chain %d has an indirect table inside another".formatted(head));
            }
            add(table().get(U64, at), rest & LENGTH_MASK, flags);
            if ((flags & FLAG_NEXT) == 0) {
                return;
            }
            index = (int) (rest >>> NEXT_SHIFT);
            if (index >= length) {
                throw broken(
                        "chain %d goes on at %d, outside its indirect table of %d"
                                .formatted(head, index, length));
            }
        }
        throw broken(
                "chain %d is a loop: longer than its indirect table of %d".formatted(head, length));
    }
}
