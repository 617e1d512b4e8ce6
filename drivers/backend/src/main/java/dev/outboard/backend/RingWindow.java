package dev.outboard.backend;

import dev.outboard.dma.BusMaster;
import dev.outboard.dma.DmaWindow;
import java.lang.foreign.MemorySegment;

/**
 * One part of a ring (descriptors, available or used) as this process sees it, found anew when the
 * flush generation changes.
 *
 * <p>The part is contiguous in bus addresses, and nearly always in memory too: then one piece
 * covers it and a look costs two comparisons. Where the pages behind it are scattered, a piece is
 * the run of pages around the last look. Aligned words never lie across two pieces, as pieces end
 * where pages do.
 *
 * <p>Owned by a {@link DeviceQueue}, whose thread rules it follows. Nothing here allocates.
 */
final class RingWindow {
    /** Where {@link #at} points into; valid until the next call. */
    MemorySegment memory = MemorySegment.NULL;

    private final DeviceQueue queue;
    private final String part;
    private final int alignment;
    private final int access;
    private final DmaWindow window = new DmaWindow();
    private BusMaster bus;
    private long busAddress;
    private long lengthBytes;

    /** What to add to an offset in the ring to get one in {@link #memory}. */
    private long base;

    private long coveredFrom;
    private long coveredTo;

    /**
     * @param part for messages
     * @param alignment of the part in bytes, a power of two (section 2.7)
     * @param access what the device does with it, bits of {@link dev.outboard.iommu.Access}
     */
    RingWindow(DeviceQueue queue, String part, int alignment, int access) {
        this.queue = queue;
        this.part = part;
        this.alignment = alignment;
        this.access = access;
    }

    /**
     * Says where the part is; nothing is touched yet.
     *
     * @throws RingException when it is not aligned
     */
    void place(BusMaster newBus, long newAddress, long newLengthBytes) {
        requireAligned(newAddress, newAddress);
        bus = newBus;
        busAddress = newAddress;
        lengthBytes = newLengthBytes;
        forget();
    }

    /** Drops what was resolved: the generation is another. */
    void forget() {
        coveredFrom = 0;
        coveredTo = 0;
        memory = MemorySegment.NULL;
    }

    /**
     * Where {@code bytes} bytes at an offset of this part are in {@link #memory}.
     *
     * @throws RingException when they cannot be reached
     * @throws AwaitedException when that is not known yet
     */
    long at(long offset, int bytes) {
        if (offset < coveredFrom || offset + bytes > coveredTo) {
            cover(offset, bytes);
        }
        return base + offset;
    }

    private void cover(long offset, int bytes) {
        grow(0);
        if (offset + bytes > coveredTo) {
            grow(offset);
            if (offset + bytes > coveredTo) {
                throw new RingException(
                        queue,
                        "%s at 0x%x is cut inside a word at offset %d"
                                .formatted(part, busAddress, offset));
            }
        }
    }

    /** Covers as much as is contiguous from an offset on. */
    private void grow(long offset) {
        resolve(offset);
        memory = window.memory;
        base = window.offset - offset;
        // A memory table can be such that an aligned bus address is none here.
        requireAligned(memory.address() + base, busAddress);
        coveredFrom = offset;
        coveredTo = offset + window.lengthBytes;
        while (coveredTo < lengthBytes) {
            if (!bus.resolve(busAddress + coveredTo, lengthBytes - coveredTo, access, window)) {
                // Not needed yet: whoever needs it gets the fault as the reason.
                return;
            }
            if (window.memory != memory || window.offset != base + coveredTo) {
                return;
            }
            coveredTo += window.lengthBytes;
        }
    }

    private void requireAligned(long address, long named) {
        if ((address & alignment - 1) != 0) {
            throw new RingException(
                    queue,
                    "%s at 0x%x is not aligned to %d bytes".formatted(part, named, alignment));
        }
    }

    private void resolve(long offset) {
        if (!bus.resolve(busAddress + offset, lengthBytes - offset, access, window)) {
            queue.leaveIfAwaited();
            throw new RingException(
                    queue,
                    "DMA fault on the %s: bus address 0x%x is not mapped for it"
                            .formatted(part, busAddress + offset));
        }
    }
}
