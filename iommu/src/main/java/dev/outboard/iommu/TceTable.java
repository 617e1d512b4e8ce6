package dev.outboard.iommu;

import java.lang.foreign.MemorySegment;

/**
 * The flat structure: one entry for each page of IOVA, or for each granule where the format's pages
 * are larger (The Price of Safety, section 1.1.2). A walk is one load.
 *
 * <p>One process writes (with release), others read (with acquire); the memory decides who may, not
 * this class. It allocates nothing but itself and its views. The owner of the memory closes it.
 *
 * <p>With a format that has hub ids, this is the view of one hub: it writes its id into each entry,
 * and finds no entry of another.
 */
public final class TceTable implements PageTable {
    private final TceFormat format;
    private final MemorySegment memory;
    private final int entries;
    private final long pages;
    private final int granuleShift;
    private final long granule;
    private final long granuleMask;

    /** Bits that the page frame of an entry may not have. */
    private final long unfitBits;

    private final long hubMask;
    private final long hubBits;

    /**
     * A table over memory that holds it exactly, for hub 0.
     *
     * @throws IllegalArgumentException if the format has no table of this size, or the memory
     *     another length
     */
    public TceTable(TceFormat format, MemorySegment memory, int entries) {
        this(format, memory, entries, 0);
        TableChecks.requireTable(format, memory.byteSize(), entries);
    }

    private TceTable(TceFormat format, MemorySegment memory, int entries, int hubId) {
        this.format = format;
        this.memory = memory;
        this.entries = entries;
        granuleShift = format.granuleShift();
        granule = 1L << granuleShift;
        granuleMask = granule - 1;
        pages = (long) entries << granuleShift;
        unfitBits = ~format.maxPageFrame() | granuleMask;
        hubMask = format.hubMask();
        hubBits = format.hubBits(hubId);
    }

    @Override
    public PageTable forHub(int hubId) {
        if (hubId < 0 || hubId >= format.hubs()) {
            return PageTable.super.forHub(hubId);
        }
        return new TceTable(format, memory, entries, hubId);
    }

    @Override
    public TceFormat format() {
        return format;
    }

    /** Entries; each is for a page of IOVA, or for a granule. */
    public int entries() {
        return entries;
    }

    @Override
    public long pages() {
        return pages;
    }

    @Override
    public void map(long page, long pageFrame, long pages, int access) {
        if (pages == granule) {
            mapEntry(page, pageFrame, access);
        } else {
            mapRun(page, pageFrame, pages, access);
        }
    }

    @Override
    public void mapEntry(long page, long pageFrame, int access) {
        // Few comparisons, and what tells the mistake out of the way.
        long misfit = pageFrame & unfitBits | page & granuleMask | access & ~Access.READ_WRITE;
        if (misfit != 0 || access == Access.NONE || Long.compareUnsigned(page, this.pages) >= 0) {
            mapRun(page, pageFrame, granule, access);
            return;
        }
        format.storeRelease(
                memory, page >>> granuleShift, format.bits(pageFrame, access) | hubBits);
    }

    private void mapRun(long page, long pageFrame, long pages, int access) {
        TableChecks.requireRun(this, page, pages);
        TableChecks.requireEncodable(format, page, pageFrame, pages, access);
        long first = page >>> granuleShift;
        long count = pages >>> granuleShift;
        for (long index = 0; index < count; index++) {
            long entry = format.bits(pageFrame + (index << granuleShift), access) | hubBits;
            format.storeRelease(memory, first + index, entry);
        }
    }

    @Override
    public void clear(long page, long pages) {
        if (pages == granule) {
            clearEntry(page);
        } else {
            clearRun(page, pages);
        }
    }

    @Override
    public void clearEntry(long page) {
        if ((page & granuleMask) != 0 || Long.compareUnsigned(page, pages) >= 0) {
            clearRun(page, granule);
            return;
        }
        format.storeRelease(memory, page >>> granuleShift, 0);
    }

    private void clearRun(long page, long pages) {
        TableChecks.requireRun(this, page, pages);
        TableChecks.requireAligned(format, page, pages);
        long end = page + pages >>> granuleShift;
        for (long index = page >>> granuleShift; index < end; index++) {
            format.storeRelease(memory, index, 0);
        }
    }

    @Override
    public long walk(long page) {
        if (Long.compareUnsigned(page, pages) >= 0) {
            return Translation.NONE;
        }
        long entry = format.loadAcquire(memory, page >>> granuleShift);
        int rights = format.access(entry);
        if (rights == Access.NONE || (entry & hubMask) != hubBits) {
            return Translation.NONE;
        }
        long pageFrame = format.pageFrame(entry) & ~granuleMask | page & granuleMask;
        return Translation.of(pageFrame, granuleShift, rights);
    }

    /**
     * The entry for an IOVA page, in the format's bits.
     *
     * @throws IndexOutOfBoundsException if the table has no such page
     */
    public long entryAcquire(long page) {
        return format.loadAcquire(memory, page >>> granuleShift);
    }
}
