package dev.outboard.nvme;

import dev.outboard.dma.CoherentMemory;
import dev.outboard.dma.Dma;
import java.lang.foreign.MemorySegment;

/**
 * How commands name their data, which is contiguous: up to two pages by PRP entries in the command
 * itself, more by one SGL descriptor, or by a list of PRP entries in memory where the controller
 * knows no SGL. One queue's thread; after construction nothing allocates.
 *
 * <p>A list is within a page, as the specification wants it of one that has no successor: each slot
 * has a power of two of bytes.
 */
final class DataPointers implements AutoCloseable {
    private static final int PAGE_BYTES = NvmeDescriptor.PAGE_BYTES;
    private static final long PAGE_MASK = PAGE_BYTES - 1;

    /** Null where no command needs a list. */
    private final CoherentMemory lists;

    /** The power of two of a slot's bytes. */
    private final int listShift;

    /** The ranges of dataset management, one a slot; null where that is not used. */
    private final CoherentMemory ranges;

    DataPointers(Dma dma, int depth, int mostBytes, boolean takesSgl, boolean hasRanges) {
        int entries = mostBytes / PAGE_BYTES;
        listShift = Integer.SIZE - Integer.numberOfLeadingZeros(entries * Long.BYTES - 1);
        lists = takesSgl || entries < 2 ? null : dma.allocateCoherent((long) depth << listShift);
        try {
            ranges =
                    hasRanges
                            ? dma.allocateCoherent((long) depth * NvmeDescriptor.RANGE_BYTES)
                            : null;
        } catch (RuntimeException failure) {
            if (lists != null) {
                lists.close();
            }
            throw failure;
        }
    }

    /** What goes into the first dword of a command on so much data. */
    int flags(long iova, int lengthBytes) {
        return lists == null && pagesAfterFirst(iova, lengthBytes) > 1
                ? NvmeDescriptor.FLAG_SGL
                : 0;
    }

    private static long pagesAfterFirst(long iova, int lengthBytes) {
        return (iova & PAGE_MASK) + lengthBytes - 1 >>> Integer.numberOfTrailingZeros(PAGE_BYTES);
    }

    /** What goes behind the pointer to the first byte; writes the slot's list if it needs one. */
    long second(int slot, long iova, int lengthBytes) {
        long more = pagesAfterFirst(iova, lengthBytes);
        if (more == 0) {
            return 0;
        }
        long next = (iova & ~PAGE_MASK) + PAGE_BYTES;
        if (more == 1) {
            return next;
        }
        return lists == null ? lengthBytes | NvmeDescriptor.SGL_DATA_BLOCK : list(slot, next, more);
    }

    private long list(int slot, long firstPage, long pages) {
        long at = (long) slot << listShift;
        MemorySegment memory = lists.memory();
        for (long page = 0; page < pages; page++) {
            memory.set(NvmeDescriptor.U64, at + page * Long.BYTES, firstPage + page * PAGE_BYTES);
        }
        return lists.iova() + at;
    }

    /** Writes the slot's range; where it is, for the command. */
    long range(int slot, long firstBlock, long blocks) {
        long at = (long) slot * NvmeDescriptor.RANGE_BYTES;
        MemorySegment memory = ranges.memory();
        memory.set(NvmeDescriptor.U32, at, 0);
        memory.set(NvmeDescriptor.U32, at + NvmeDescriptor.RANGE_BLOCKS, (int) blocks);
        memory.set(NvmeDescriptor.U64, at + NvmeDescriptor.RANGE_FIRST_BLOCK, firstBlock);
        return ranges.iova() + at;
    }

    @Override
    public void close() {
        if (lists != null) {
            lists.close();
        }
        if (ranges != null) {
            ranges.close();
        }
    }
}
