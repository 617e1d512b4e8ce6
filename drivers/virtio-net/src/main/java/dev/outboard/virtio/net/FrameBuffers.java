package dev.outboard.virtio.net;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaMemory;
import dev.outboard.virtio.NetDescriptor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.function.LongFunction;

/**
 * The buffers of one queue: each in a page of its own, since a page is the least an IOMMU protects,
 * and each at another cache line of its page, since lines at one offset of every page compete for
 * the same few sets of the cache.
 *
 * <pre>
 *   0        line x 64 + 4    + 12                        4096
 *   +--------+----------------+--------------------...----+
 *   | unused | virtio header  | frame                     |
 *   +--------+----------------+--------------------...----+
 * </pre>
 *
 * <p>Owned by the queue's thread. The memory is taken once, and once more whenever the buffers
 * move: then each is where it was until {@link #moved} says otherwise, and what they were in is
 * given back when the last has moved.
 */
final class FrameBuffers implements AutoCloseable {
    static final int PAGE_BYTES = 4096;

    private static final int LINE_BYTES = 64;

    /** Puts the frame, 12 bytes after the header, on a boundary of 16. */
    private static final int HEADER_SHIFT_BYTES = 4;

    private final int count;
    private final int lines;
    private final int frameBytes;
    private DmaMemory memory;

    /** Where buffers are that have not moved; null if all have. */
    private DmaMemory before;

    private final boolean[] behind;
    private int behindCount;

    FrameBuffers(Dma dma, int count, int frameBytes) {
        int used = HEADER_SHIFT_BYTES + NetDescriptor.HEADER_BYTES + frameBytes;
        if (used > PAGE_BYTES) {
            throw new IllegalArgumentException(
                    "frameBytes=" + frameBytes + " and its header do not fit a page");
        }
        this.memory = dma.allocate((long) count * PAGE_BYTES);
        this.behind = new boolean[count];
        this.count = count;
        this.frameBytes = frameBytes;
        this.lines = Integer.highestOneBit(Math.max(1, (PAGE_BYTES - used) / LINE_BYTES));
    }

    int count() {
        return count;
    }

    int frameBytes() {
        return frameBytes;
    }

    /** Header and the longest frame. */
    int bufferBytes() {
        return NetDescriptor.HEADER_BYTES + frameBytes;
    }

    /** What the buffers are in that have moved. */
    MemorySegment memory() {
        return memory.memory();
    }

    /** What this buffer is in. */
    MemorySegment memory(int buffer) {
        return home(buffer).memory();
    }

    private DmaMemory home(int buffer) {
        return before != null && behind[buffer] ? before : memory;
    }

    /** Begins to move them; false, and nothing is changed, while the move before lasts. */
    boolean move(LongFunction<DmaMemory> allocator) {
        if (before != null) {
            return false;
        }
        DmaMemory other = allocator.apply((long) count * PAGE_BYTES);
        before = memory;
        memory = other;
        Arrays.fill(behind, true);
        behindCount = count;
        return true;
    }

    /** The device does not reach this buffer, and nobody needs what was in it. */
    void moved(int buffer) {
        if (before != null && behind[buffer]) {
            behind[buffer] = false;
            behindCount--;
            if (behindCount == 0) {
                DmaMemory empty = before;
                before = null;
                empty.close();
            }
        }
    }

    long headerOffset(int buffer) {
        return (long) buffer * PAGE_BYTES
                + (long) (buffer & (lines - 1)) * LINE_BYTES
                + HEADER_SHIFT_BYTES;
    }

    long frameOffset(int buffer) {
        return headerOffset(buffer) + NetDescriptor.HEADER_BYTES;
    }

    long headerPhysicalAddress(int buffer) {
        return home(buffer).physicalAddress() + headerOffset(buffer);
    }

    @Override
    public void close() {
        memory.close();
        if (before != null) {
            before.close();
        }
    }
}
