package dev.outboard.iommu;

import java.lang.foreign.MemorySegment;

/**
 * How one translation control entry (TCE) is laid out: a page frame number and the rights to it.
 *
 * <p>A format is stateless, may be used by any thread, and allocates nothing. An entry travels as a
 * {@code long} in host byte order (a 4-byte entry zero-extended); in memory it has the byte order
 * of the hardware. In every format the entry 0 or {@link #invalidEntry()} grants nothing.
 *
 * <p>Source: The Price of Safety (OLS 2007), section 1.1.2, tables 1 and 2.
 */
public sealed interface TceFormat extends TableFormat permits CalgaryFormat, DartFormat {
    /** Bytes of an entry in memory. */
    int entryBytes();

    @Override
    default int granuleShift() {
        return 0;
    }

    @Override
    default long tableBytes(int entries) {
        return (long) entries * entryBytes();
    }

    @Override
    default PageTable create(MemorySegment memory, int entries) {
        return new TceTable(this, memory, entries);
    }

    @Override
    default PageTable open(MemorySegment memory, int entries) {
        return new TceTable(this, memory, entries);
    }

    /**
     * An entry that lets {@code access} through to a page frame.
     *
     * @param pageFrame physical address divided by 4096
     * @param access bits of {@link Access}, at least one
     * @throws IllegalArgumentException if the format cannot express it
     */
    long encode(long pageFrame, int access);

    /** The entry that grants nothing. */
    long invalidEntry();

    /** The rights in an entry, as bits of {@link Access}; {@link Access#NONE} if it is invalid. */
    int access(long entry);

    /** The page frame number in an entry; meaningless if it is invalid. */
    long pageFrame(long entry);

    /** Reads entry {@code index} with acquire: what its writer did before is visible after. */
    long loadAcquire(MemorySegment table, long index);

    /** Writes entry {@code index} with release. */
    void storeRelease(MemorySegment table, long index, long entry);
}
