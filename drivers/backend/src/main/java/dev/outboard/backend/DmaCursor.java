package dev.outboard.backend;

import dev.outboard.dma.BusMaster;
import dev.outboard.dma.DmaWindow;
import dev.outboard.iommu.Access;
import java.lang.foreign.MemorySegment;

/**
 * Goes through the bytes of a loaded chain, piece by piece as they lie in this process. The caller
 * asks for no more bytes than the chain has. One thread, within a DMA section; nothing allocates.
 */
public final class DmaCursor {
    /** Where the piece is; see {@link #offset}. */
    public MemorySegment memory = MemorySegment.NULL;

    /** Where the rest of the piece begins in {@link #memory}. */
    public long offset;

    /** Bytes left of the piece. */
    public long lengthBytes;

    private final DmaWindow window = new DmaWindow();
    private DeviceQueue queue;
    private BusMaster bus;
    private int access;
    private long[] addresses;
    private long[] lengths;
    private int buffer;
    private long doneOfBuffer;

    /** Before no chain yet. */
    public DmaCursor() {}

    /** Stands before the first byte that the device may read. */
    public void openReadable(DeviceQueue queue) {
        open(queue, 0, Access.READ);
    }

    /** Stands before the first byte that the device may write. */
    public void openWritable(DeviceQueue queue) {
        open(queue, queue.chain().readableCount(), Access.WRITE);
    }

    /** Stands before bytes of this process, which are all there is. */
    public void openMemory(MemorySegment bytes, long newOffset, long newLengthBytes) {
        memory = bytes;
        offset = newOffset;
        lengthBytes = newLengthBytes;
    }

    private void open(DeviceQueue newQueue, int first, int newAccess) {
        queue = newQueue;
        bus = queue.bus();
        access = newAccess;
        addresses = queue.chain().addresses();
        lengths = queue.chain().lengths();
        buffer = first;
        doneOfBuffer = 0;
        lengthBytes = 0;
    }

    /**
     * Goes to the next piece, when this one is used up.
     *
     * @return false when it cannot be reached: a fault
     * @throws AwaitedException when that is not known yet, as from every other method that goes on
     */
    public boolean next() {
        long wanted = lengths[buffer] - doneOfBuffer;
        if (!bus.resolve(addresses[buffer] + doneOfBuffer, wanted, access, window)) {
            queue.leaveIfAwaited();
            return false;
        }
        memory = window.memory;
        offset = window.offset;
        lengthBytes = window.lengthBytes;
        if (lengthBytes == wanted) {
            buffer++;
            doneOfBuffer = 0;
        } else {
            doneOfBuffer += lengthBytes;
        }
        return true;
    }

    /** Takes bytes of the piece. */
    public void take(long bytes) {
        offset += bytes;
        lengthBytes -= bytes;
    }

    /**
     * Passes over bytes, which may span pieces.
     *
     * @return false on a fault
     */
    public boolean skip(long bytes) {
        long left = bytes;
        while (left > 0) {
            if (lengthBytes == 0 && !next()) {
                return false;
            }
            long part = Math.min(left, lengthBytes);
            take(part);
            left -= part;
        }
        return true;
    }

    /**
     * Copies bytes out of the chain.
     *
     * @return false on a fault
     */
    public boolean copyTo(MemorySegment target, long targetOffset, long bytes) {
        long done = 0;
        while (done < bytes) {
            if (lengthBytes == 0 && !next()) {
                return false;
            }
            long part = Math.min(bytes - done, lengthBytes);
            MemorySegment.copy(memory, offset, target, targetOffset + done, part);
            take(part);
            done += part;
        }
        return true;
    }

    /**
     * Copies bytes into the chain.
     *
     * @return false on a fault
     */
    public boolean copyFrom(MemorySegment source, long sourceOffset, long bytes) {
        long done = 0;
        while (done < bytes) {
            if (lengthBytes == 0 && !next()) {
                return false;
            }
            long part = Math.min(bytes - done, lengthBytes);
            MemorySegment.copy(source, sourceOffset + done, memory, offset, part);
            take(part);
            done += part;
        }
        return true;
    }
}
