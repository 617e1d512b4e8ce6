package dev.outboard.iommu;

import java.lang.foreign.MemorySegment;

/**
 * The entry of tables in levels: an entry is a page, or names the table that goes on. Every level
 * takes the same number of bits of the page number.
 *
 * <p>What an intermediate entry names as a real address is, here, an offset within the memory of
 * the table: the device's process has that memory and no other.
 */
public abstract sealed class RadixFormat extends TceFormat
        permits PaprFormat, LittleEndianRadixFormat {
    /** Bits of a page number that a table of 4 KiB resolves. */
    static final int PAGE_STRIDE = 9;

    /** Instead of an order: the entry names a table of the next level. */
    static final int TABLE = -1;

    /** Instead of an order: the entry is neither a page nor a table. */
    static final int BROKEN = -2;

    /** The largest tables: as many entries, and as many bits of pages, as allocators deal in. */
    private static final int MAX_ENTRIES = 1 << 24;

    private static final int MAX_PAGE_BITS = 30;

    private final int levels;
    private final int granuleShift;

    /** The parts that every radix format has; see {@link TceFormat#TceFormat}. */
    RadixFormat(String title, int code, int pageFrameBits, int granuleShift, int levels) {
        super(title, code, Long.BYTES, pageFrameBits);
        this.granuleShift = granuleShift;
        this.levels = levels;
    }

    /** An intermediate entry: lets everything through to the table that goes on. */
    abstract long pointer(long tableOffset, int nextLevel);

    /** Where the table that goes on begins, as an offset that nobody has checked. */
    abstract long tableOffset(long entry);

    /**
     * What an entry that gives some access is at a level, 1 the last: the order of its page, {@link
     * #TABLE} or {@link #BROKEN}.
     */
    abstract int order(long entry, int level);

    /** An entry for a page of that order. */
    abstract long bits(long pageFrame, int order, int access);

    /** The largest order of pages that is at most {@code fit}. */
    abstract int orderWithin(int fit);

    /** Bits of the page number that each level of a table takes. */
    int stride(int entries) {
        return PAGE_STRIDE;
    }

    @Override
    public final int levels() {
        return levels;
    }

    @Override
    public final int granuleShift() {
        return granuleShift;
    }

    @Override
    public final int maxEntries() {
        int bits = Math.min(MAX_PAGE_BITS - granuleShift, mostIndexBits());
        return Math.min(MAX_ENTRIES, 1 << bits);
    }

    /** Bits of the page number that all levels together can take. */
    int mostIndexBits() {
        return levels * PAGE_STRIDE;
    }

    /** Whole tables of the last level. */
    @Override
    public boolean isTableSize(int entries) {
        return entries >= 1 << PAGE_STRIDE
                && entries <= maxEntries()
                && entries % (1 << PAGE_STRIDE) == 0;
    }

    @Override
    public long tableBytes(int entries) {
        int stride = stride(entries);
        long words = 0;
        for (int level = 1; level <= levels; level++) {
            words += levelEntries(entries, level, stride);
        }
        return words * Long.BYTES;
    }

    /** Entries of all tables of a level together, used or not. */
    static long levelEntries(int entries, int level, int stride) {
        long tables = (long) entries - 1 >>> stride * level;
        return tables + 1 << stride;
    }

    @Override
    public PageTable create(MemorySegment memory, int entries) {
        RadixTable table = new RadixTable(this, memory, entries);
        table.writePointers();
        return table;
    }

    @Override
    public PageTable open(MemorySegment memory, int entries) {
        return new RadixTable(this, memory, entries);
    }
}
