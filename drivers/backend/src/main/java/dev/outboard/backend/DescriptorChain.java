package dev.outboard.backend;

import static dev.outboard.virtio.VirtqueueDescriptor.DESCRIPTOR_BYTES;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_INDIRECT;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_NEXT;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_WRITE;

import dev.outboard.dma.BusMaster;
import dev.outboard.dma.DmaWindow;
import dev.outboard.iommu.Access;
import dev.outboard.virtio.VirtqueueDescriptor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * A chain of descriptors (VIRTIO 1.2, section 2.7.5), read and checked: the buffers that the device
 * reads, then those that it writes.
 *
 * <p>Each word of a descriptor is read once, and an indirect table is copied before it is looked
 * at: what was checked is what is used. Owned by a {@link DeviceQueue}, whose thread rules it
 * follows; only {@link #place} allocates.
 */
public final class DescriptorChain {
    private static final ValueLayout.OfLong U64 =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final long MOST_CHAIN_BYTES = 0xffff_ffffL;
    private static final int FLAGS_SHIFT = 32;
    private static final int NEXT_SHIFT = 48;
    private static final int SHORT_MASK = 0xffff;

    private final DeviceQueue queue;
    private final RingWindow descriptors;
    private final DmaWindow tableWindow = new DmaWindow();
    private BusMaster bus;
    private int entries;
    private boolean indirect;

    /** Where an indirect table is copied to before it is looked at. */
    private MemorySegment table = MemorySegment.NULL;

    private int head;
    private long[] addresses = {};
    private long[] lengths = {};
    private int readable;
    private int count;
    private long readableBytes;
    private long chainBytes;

    DescriptorChain(DeviceQueue queue) {
        this.queue = queue;
        descriptors = new RingWindow(queue, "descriptor table", DESCRIPTOR_BYTES, Access.READ);
    }

    /** Says where the descriptor table is, how long, and whether it may name others. */
    void place(BusMaster newBus, long address, int newEntries, boolean mayBeIndirect) {
        bus = newBus;
        indirect = mayBeIndirect;
        entries = newEntries;
        if (newEntries > addresses.length) {
            addresses = new long[newEntries];
            lengths = new long[newEntries];
            table = Arena.ofAuto().allocate((long) newEntries * DESCRIPTOR_BYTES, 8);
        }
        descriptors.place(newBus, address, VirtqueueDescriptor.descriptorTableBytes(newEntries));
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
        if (head >= entries) {
            throw broken("head %d is outside the ring's %d entries".formatted(head, entries));
        }
        count = 0;
        readable = 0;
        readableBytes = 0;
        chainBytes = 0;
        walk();
    }

    /** The descriptor that the chain began with. */
    public int head() {
        return head;
    }

    private void walk() {
        int index = head;
        for (int seen = 0; seen < entries; seen++) {
            long at = descriptors.at((long) index * DESCRIPTOR_BYTES, DESCRIPTOR_BYTES);
            // Length, flags and next in one read: what is checked is what is used.
            long address = descriptors.memory.get(U64, at);
            long rest = descriptors.memory.get(U64, at + 8);
            int flags = (int) (rest >>> FLAGS_SHIFT) & SHORT_MASK;
            if ((flags & FLAG_INDIRECT) != 0) {
                walkTable(address, rest & MOST_CHAIN_BYTES, flags);
                return;
            }
            add(address, rest & MOST_CHAIN_BYTES, flags);
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

    /** An indirect table: copied, then checked (section 2.7.5.3). */
    private void walkTable(long address, long bytes, int outerFlags) {
        int length = copyTable(address, bytes, outerFlags);
        int index = 0;
        for (int seen = 0; seen < length; seen++) {
            long at = (long) index * DESCRIPTOR_BYTES;
            long rest = table.get(U64, at + 8);
            int flags = (int) (rest >>> FLAGS_SHIFT) & SHORT_MASK;
            if ((flags & FLAG_INDIRECT) != 0) {
                throw broken("chain %d has an indirect table inside another".formatted(head));
            }
            add(table.get(U64, at), rest & MOST_CHAIN_BYTES, flags);
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

    private int copyTable(long address, long bytes, int outerFlags) {
        if (!indirect) {
            throw broken("chain %d is indirect, which was not negotiated".formatted(head));
        }
        if ((outerFlags & FLAG_NEXT) != 0) {
            throw broken("chain %d goes on after its indirect table".formatted(head));
        }
        if (bytes == 0 || bytes % DESCRIPTOR_BYTES != 0) {
            throw broken(
                    "chain %d has an indirect table of %d bytes, not a multiple of 16"
                            .formatted(head, bytes));
        }
        long length = bytes / DESCRIPTOR_BYTES;
        if (length + count > entries) {
            throw broken(
                    "chain %d has an indirect table of %d, longer than the ring's %d entries"
                            .formatted(head, length, entries));
        }
        for (long done = 0; done < bytes; done += tableWindow.lengthBytes) {
            if (!bus.resolve(address + done, bytes - done, Access.READ, tableWindow)) {
                queue.leaveIfAwaited();
                throw broken(
                        "DMA fault on the indirect table of chain %d: bus address 0x%x"
                                .formatted(head, address + done));
            }
            MemorySegment.copy(
                    tableWindow.memory, tableWindow.offset, table, done, tableWindow.lengthBytes);
        }
        return (int) length;
    }

    private void add(long address, long bytes, int flags) {
        if (bytes == 0) {
            throw broken("chain %d has a buffer of no bytes".formatted(head));
        }
        if (Long.compareUnsigned(address + bytes, address) < 0) {
            throw broken(
                    "chain %d has a buffer of %d bytes at 0x%x, past the last address"
                            .formatted(head, bytes, address));
        }
        chainBytes += bytes;
        if (chainBytes > MOST_CHAIN_BYTES) {
            throw broken("chain %d is longer than 4 GiB in all".formatted(head));
        }
        if ((flags & FLAG_WRITE) == 0) {
            if (readable != count) {
                throw broken("chain %d has a readable buffer after a writable one".formatted(head));
            }
            readable++;
            readableBytes += bytes;
        }
        addresses[count] = address;
        lengths[count] = bytes;
        count++;
    }

    /** Bus addresses of the buffers: the readable ones, then the writable ones. */
    public long[] addresses() {
        return addresses;
    }

    /** Lengths of the buffers in bytes, each at least 1. */
    public long[] lengths() {
        return lengths;
    }

    /** How many buffers the device reads: they come first. */
    public int readableCount() {
        return readable;
    }

    /** How many buffers there are. */
    public int count() {
        return count;
    }

    /** Bytes that the device may read. */
    public long readableBytes() {
        return readableBytes;
    }

    /** Bytes that the device may write. */
    public long writableBytes() {
        return chainBytes - readableBytes;
    }

    private RingException broken(String message) {
        return new RingException(queue, message);
    }
}
