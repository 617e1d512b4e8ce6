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
public sealed interface TceFormat permits CalgaryFormat, DartFormat {
    /** The name that users type and read: {@code calgary} or {@code dart}. */
    String title();

    /** The number that names this format between processes; see {@link #ofCode(int)}. */
    int code();

    /** Bytes of an entry in memory. */
    int entryBytes();

    /** Whether the hardware has tables of this many entries. */
    boolean isTableSize(int entries);

    /** The largest table, in entries. */
    int maxEntries();

    /** The largest page frame number an entry can hold. */
    long maxPageFrame();

    /** Whether one cached entry can be invalidated; otherwise only everything. */
    boolean invalidatesSingleEntries();

    /** Pages at the end of the table that are never handed out, against a device's prefetch. */
    int reservedLastPages();

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

    /**
     * The format that another process names by number.
     *
     * @throws IllegalArgumentException if there is none
     */
    static TceFormat ofCode(int code) {
        return switch (code) {
            case CalgaryFormat.CODE -> CalgaryFormat.INSTANCE;
            case DartFormat.CODE -> DartFormat.INSTANCE;
            default -> throw new IllegalArgumentException("no TCE format has code=" + code);
        };
    }

    /**
     * The format that a user names.
     *
     * @throws IllegalArgumentException if there is none; the message lists what there is
     */
    static TceFormat ofTitle(String title) {
        return switch (title) {
            case CalgaryFormat.TITLE -> CalgaryFormat.INSTANCE;
            case DartFormat.TITLE -> DartFormat.INSTANCE;
            default ->
                    throw new IllegalArgumentException(
                            "no TCE format is called '" + title + "': take calgary or dart");
        };
    }
}
