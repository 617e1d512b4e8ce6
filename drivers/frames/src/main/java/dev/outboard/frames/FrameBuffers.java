package dev.outboard.frames;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaMemory;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.function.LongFunction;

/**
 * The buffers of one queue: each in pages of its own, since a page is the least an IOMMU protects,
 * and each at another cache line of its page, since lines at one offset of every page compete for
 * the same few sets of the cache. A frame begins in a line of its own: whoever writes a short one
 * writes one line, and whoever copies a long one writes whole lines. Of a frame to send, the line
 * of what stands before it seldom changes, and stays with the device.
 *
 * <pre>
 *   0        line x 64        + 64                        a multiple of 4096
 *   +--------+----------------+--------------------...----+
 *   | unused | device's header| frame                     |
 *   +--------+----------------+--------------------...----+
 * </pre>
 *
 * <p>Owned by the queue's thread. The memory is taken once, and once more whenever the buffers
 * move: then each is where it was until {@link #moved} says otherwise, and what they were in is
 * given back when the last has moved.
 */
public final class FrameBuffers implements AutoCloseable {
    private static final int PAGE_BYTES = 4096;
    private static final int LINE_BYTES = 64;

    private final int count;
    private final int lines;
    private final int frontBytes;
    private final int shiftBytes;
    private final int frameBytes;
    private final int strideBytes;
    private DmaMemory memory;

    /** Where buffers are that have not moved; null if all have. */
    private DmaMemory before;

    private final boolean[] behind;
    private int behindCount;

    /**
     * Takes the memory.
     *
     * @param count how many
     * @param frontBytes what the device wants before each frame
     * @param frameBytes the longest frame
     */
    public FrameBuffers(Dma dma, int count, int frontBytes, int frameBytes) {
        this.count = count;
        this.frontBytes = frontBytes;
        this.frameBytes = frameBytes;
        shiftBytes = -frontBytes & LINE_BYTES - 1;
        int used = shiftBytes + frontBytes + frameBytes;
        strideBytes = used + PAGE_BYTES - 1 & -PAGE_BYTES;
        lines = Integer.highestOneBit(Math.max(1, (strideBytes - used) / LINE_BYTES));
        memory = dma.allocate((long) count * strideBytes);
        behind = new boolean[count];
    }

    int count() {
        return count;
    }

    int frameBytes() {
        return frameBytes;
    }

    /** What stands before a frame for the device. */
    int frontBytes() {
        return frontBytes;
    }

    /** That, and the longest frame. */
    int bufferBytes() {
        return frontBytes + frameBytes;
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
        DmaMemory other = allocator.apply((long) count * strideBytes);
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
        return (long) buffer * strideBytes
                + (long) (buffer & (lines - 1)) * LINE_BYTES
                + shiftBytes;
    }

    long frameOffset(int buffer) {
        return headerOffset(buffer) + frontBytes;
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
