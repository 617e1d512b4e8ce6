package dev.outboard.iommu;

import java.lang.foreign.MemorySegment;

/**
 * How one translation control entry (TCE) is laid out: a page frame number and the rights to it, in
 * one word; and, unless a format says otherwise, flat tables of them.
 *
 * <p>A format is stateless, may be used by any thread, and allocates nothing. An entry travels as a
 * {@code long} in host byte order (a 4-byte entry zero-extended); in memory it has the byte order
 * of the hardware. In every format the entry 0 grants nothing.
 *
 * <p>This is also what a flat format of one's own extends: six short methods, and tables, walks and
 * tests of arguments are there.
 *
 * <p>Source: The Price of Safety (OLS 2007), section 1.1.2, tables 1 and 2.
 */
public abstract class TceFormat implements TableFormat {
    private final String title;
    private final int code;
    private final int entryBytes;
    private final long maxPageFrame;

    /**
     * The parts that every format has.
     *
     * @param title see {@link #title()}
     * @param code see {@link #code()}
     * @param entryBytes 4 or 8
     * @param pageFrameBits bits of the largest page frame number, at most 51, so that a physical
     *     address is a positive number
     */
    protected TceFormat(String title, int code, int entryBytes, int pageFrameBits) {
        if (entryBytes != Integer.BYTES && entryBytes != Long.BYTES) {
            throw new IllegalArgumentException("entryBytes=" + entryBytes + " is not 4 or 8");
        }
        if (pageFrameBits < 1 || pageFrameBits > 51) {
            throw new IllegalArgumentException("pageFrameBits=" + pageFrameBits);
        }
        this.title = title;
        this.code = code;
        this.entryBytes = entryBytes;
        maxPageFrame = (1L << pageFrameBits) - 1;
    }

    /**
     * The entry, of arguments that were checked.
     *
     * @param pageFrame 0 to {@link #maxPageFrame()}
     * @param access bits of {@link Access}, at least one
     */
    protected abstract long bits(long pageFrame, int access);

    /** The rights in an entry, as bits of {@link Access}; {@link Access#NONE} if it is invalid. */
    public abstract int access(long entry);

    /**
     * The page frame number in an entry, 0 to {@link #maxPageFrame()}; meaningless if it is
     * invalid.
     */
    public abstract long pageFrame(long entry);

    /** Reads entry {@code index} with acquire: what its writer did before is visible after. */
    public abstract long loadAcquire(MemorySegment table, long index);

    /** Writes entry {@code index} with release. */
    public abstract void storeRelease(MemorySegment table, long index, long entry);

    /** The bits of an entry that hold its hub id; 0 where there is none. */
    long hubMask() {
        return 0;
    }

    /** A hub id in its place in an entry. */
    long hubBits(int hubId) {
        return 0;
    }

    /**
     * An entry that lets {@code access} through to a page frame.
     *
     * @param pageFrame physical address divided by 4096
     * @param access bits of {@link Access}, at least one
     * @throws IllegalArgumentException if the format cannot express it
     */
    public final long encode(long pageFrame, int access) {
        if ((pageFrame & ~maxPageFrame | access & ~Access.READ_WRITE) != 0
                || access == Access.NONE) {
            throw TableChecks.of(this, pageFrame, 1, access);
        }
        return bits(pageFrame, access);
    }

    /** The entry that grants nothing. */
    public final long invalidEntry() {
        return 0;
    }

    /** Bytes of an entry in memory. */
    public final int entryBytes() {
        return entryBytes;
    }

    @Override
    public final String title() {
        return title;
    }

    @Override
    public final int code() {
        return code;
    }

    @Override
    public final long maxPageFrame() {
        return maxPageFrame;
    }

    @Override
    public int granuleShift() {
        return 0;
    }

    @Override
    public boolean invalidatesSingleEntries() {
        return true;
    }

    @Override
    public int reservedLastPages() {
        return 0;
    }

    @Override
    public long tableBytes(int entries) {
        return (long) entries * entryBytes;
    }

    @Override
    public PageTable create(MemorySegment memory, int entries) {
        return new TceTable(this, memory, entries);
    }

    @Override
    public PageTable open(MemorySegment memory, int entries) {
        return new TceTable(this, memory, entries);
    }

    @Override
    public final String toString() {
        return title;
    }
}
