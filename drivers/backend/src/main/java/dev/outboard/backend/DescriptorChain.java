package dev.outboard.backend;

import static dev.outboard.virtio.VirtqueueDescriptor.DESCRIPTOR_BYTES;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_NEXT;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_WRITE;

import dev.outboard.dma.BusMaster;
import dev.outboard.dma.DmaWindow;
import dev.outboard.iommu.Access;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * A chain of descriptors (VIRTIO 1.2, sections 2.7.5 and 2.8.5), read and checked: the buffers that
 * the device reads, then those that it writes.
 *
 * <p>Each word of a descriptor is read once, and an indirect table is copied before it is looked
 * at: what was checked is what is used. Owned by a {@link DeviceQueue}, whose thread rules it
 * follows; only {@link #placeTables} allocates.
 */
public abstract sealed class DescriptorChain permits SplitChain, PackedChain {
    static final ValueLayout.OfLong U64 =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Of a descriptor's second word, the length. */
    static final long LENGTH_MASK = 0xffff_ffffL;

    private static final long MOST_CHAIN_BYTES = 0xffff_ffffL;

    private final DeviceQueue queue;
    private final DmaWindow tableWindow = new DmaWindow();
    private BusMaster bus;
    private int entries;
    private boolean indirect;

    /** Where an indirect table is copied to before it is looked at. */
    private MemorySegment table = MemorySegment.NULL;

    /** For people: where the chain begins. */
    private int first;

    private long[] addresses = {};
    private long[] lengths = {};
    private int readable;
    private int count;
    private long readableBytes;
    private long chainBytes;

    DescriptorChain(DeviceQueue queue) {
        this.queue = queue;
    }

    /** Says how long the ring is, and whether a descriptor may name a table. */
    final void placeTables(BusMaster newBus, int newEntries, boolean mayBeIndirect) {
        bus = newBus;
        indirect = mayBeIndirect;
        entries = newEntries;
        if (newEntries > addresses.length) {
            addresses = new long[newEntries];
            lengths = new long[newEntries];
            table = Arena.ofAuto().allocate((long) newEntries * DESCRIPTOR_BYTES, 8);
        }
    }

    /** A chain that begins at this descriptor, and is empty so far. */
    final void begin(int newFirst) {
        first = newFirst;
        count = 0;
        readable = 0;
        readableBytes = 0;
        chainBytes = 0;
    }

    /** How many entries the ring has. */
    final int entries() {
        return entries;
    }

    /**
     * Copies an indirect table, which is then checked (section 2.7.5.3).
     *
     * @return how many descriptors it has
     */
    final int copyTable(long address, long bytes, int outerFlags) {
        if (!indirect) {
            throw broken("chain %d is indirect, which was not negotiated".formatted(first));
        }
        if ((outerFlags & FLAG_NEXT) != 0) {
            throw broken("chain %d goes on after its indirect table".formatted(first));
        }
        if (bytes == 0 || bytes % DESCRIPTOR_BYTES != 0) {
            throw broken(
                    "chain %d has an indirect table of %d bytes, not a multiple of 16"
                            .formatted(first, bytes));
        }
        long length = bytes / DESCRIPTOR_BYTES;
        if (length + count > entries) {
            throw broken(
                    "chain %d has an indirect table of %d, longer than the ring's %d entries"
                            .formatted(first, length, entries));
        }
        for (long done = 0; done < bytes; done += tableWindow.lengthBytes) {
            if (!bus.resolve(address + done, bytes - done, Access.READ, tableWindow)) {
                queue.leaveIfAwaited();
                throw broken(
                        "DMA fault on the indirect table of chain %d: bus address 0x%x"
                                .formatted(first, address + done));
            }
            MemorySegment.copy(
                    tableWindow.memory, tableWindow.offset, table, done, tableWindow.lengthBytes);
        }
        return (int) length;
    }

    /** The copied table. */
    final MemorySegment table() {
        return table;
    }

    /** One more buffer. */
    final void add(long address, long bytes, int flags) {
        if (bytes == 0) {
            throw broken("chain %d has a buffer of no bytes".formatted(first));
        }
        if (Long.compareUnsigned(address + bytes, address) < 0) {
            throw broken(
                    "chain %d has a buffer of %d bytes at 0x%x, past the last address"
                            .formatted(first, bytes, address));
        }
        chainBytes += bytes;
        if (chainBytes > MOST_CHAIN_BYTES) {
            throw broken("chain %d is longer than 4 GiB in all".formatted(first));
        }
        if ((flags & FLAG_WRITE) == 0) {
            if (readable != count) {
                throw broken(
                        "chain %d has a readable buffer after a writable one".formatted(first));
            }
            readable++;
            readableBytes += bytes;
        }
        addresses[count] = address;
        lengths[count] = bytes;
        count++;
    }

    /** What the driver knows it by: the head's index, or the buffer's id. */
    public abstract int id();

    /** Bus addresses of the buffers: the readable ones, then the writable ones. */
    public final long[] addresses() {
        return addresses;
    }

    /** Lengths of the buffers in bytes, each at least 1. */
    public final long[] lengths() {
        return lengths;
    }

    /** How many buffers the device reads: they come first. */
    public final int readableCount() {
        return readable;
    }

    /** How many buffers there are. */
    public final int count() {
        return count;
    }

    /** Bytes that the device may read. */
    public final long readableBytes() {
        return readableBytes;
    }

    /** Bytes that the device may write. */
    public final long writableBytes() {
        return chainBytes - readableBytes;
    }

    final RingException broken(String message) {
        return new RingException(queue, message);
    }
}
