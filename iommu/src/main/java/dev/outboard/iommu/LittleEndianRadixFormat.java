package dev.outboard.iommu;

import java.lang.foreign.MemorySegment;

/**
 * What the radix formats of x86 share: entries of eight bytes, little-endian, with the page frame,
 * or the offset of the next table, in bits 12 to 51; pages of 4 KiB at the last level.
 */
abstract sealed class LittleEndianRadixFormat extends RadixFormat permits VtdFormat, AmdV1Format {
    /** Where the page frame begins in an entry. */
    static final int PAGE_FRAME_SHIFT = 12;

    private static final int PAGE_FRAME_BITS = 40;
    private static final long FRAME_MASK = (1L << PAGE_FRAME_BITS) - 1;

    LittleEndianRadixFormat(String title, int code, int levels) {
        super(title, code, PAGE_FRAME_BITS, 0, levels);
    }

    @Override
    final long tableOffset(long entry) {
        return entry & FRAME_MASK << PAGE_FRAME_SHIFT;
    }

    @Override
    public final long pageFrame(long entry) {
        return entry >>> PAGE_FRAME_SHIFT & FRAME_MASK;
    }

    @Override
    public final long loadAcquire(MemorySegment table, long index) {
        return (long) EntryWord.LITTLE_ENDIAN.getAcquire(table, index * Long.BYTES);
    }

    @Override
    public final void storeRelease(MemorySegment table, long index, long entry) {
        EntryWord.LITTLE_ENDIAN.setRelease(table, index * Long.BYTES, entry);
    }
}
