package dev.outboard.iommu;

import java.lang.foreign.MemorySegment;

/**
 * Translation entries in memory: one I/O address space for all devices that share it (The Price of
 * Safety, section 1.1.2).
 *
 * <p>One process writes (with release), others read (with acquire); the memory decides who may, not
 * this class. It allocates nothing but itself. The owner of the memory closes it.
 */
public final class TceTable implements PageTable {
    private final TceFormat format;
    private final MemorySegment memory;
    private final int entries;

    /**
     * A table over memory that holds it exactly.
     *
     * @throws IllegalArgumentException if the format has no table of this size, or the memory
     *     another length
     */
    public TceTable(TceFormat format, MemorySegment memory, int entries) {
        if (!format.isTableSize(entries)) {
            throw new IllegalArgumentException(
                    "entries=%d is no size of a %s table (at most %d)"
                            .formatted(entries, format.title(), format.maxEntries()));
        }
        if (memory.byteSize() != (long) entries * format.entryBytes()) {
            throw new IllegalArgumentException(
                    "lengthBytes=%d of memory, but %d %s entries take %d"
                            .formatted(
                                    memory.byteSize(),
                                    entries,
                                    format.title(),
                                    (long) entries * format.entryBytes()));
        }
        this.format = format;
        this.memory = memory;
        this.entries = entries;
    }

    @Override
    public TceFormat format() {
        return format;
    }

    /** Entries, and so pages of IOVA. */
    public int entries() {
        return entries;
    }

    @Override
    public long pages() {
        return entries;
    }

    @Override
    public void map(long page, long pageFrame, long pages, int access) {
        for (long index = 0; index < pages; index++) {
            format.storeRelease(memory, page + index, format.encode(pageFrame + index, access));
        }
    }

    @Override
    public void clear(long page, long pages) {
        for (long index = 0; index < pages; index++) {
            format.storeRelease(memory, page + index, format.invalidEntry());
        }
    }

    @Override
    public long walk(long page) {
        if (page < 0 || page >= entries) {
            return Translation.NONE;
        }
        long entry = entryAcquire(page);
        int rights = format.access(entry);
        return rights == Access.NONE
                ? Translation.NONE
                : Translation.of(format.pageFrame(entry), 0, rights);
    }

    /**
     * The entry for an IOVA page, in the format's bits.
     *
     * @throws IndexOutOfBoundsException if the table has no such page
     */
    public long entryAcquire(long page) {
        return format.loadAcquire(memory, page);
    }
}
