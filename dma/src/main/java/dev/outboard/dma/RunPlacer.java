package dev.outboard.dma;

import dev.outboard.iommu.IoPage;
import dev.outboard.iommu.IovaAllocator;

/**
 * Where mappings lie: runs of IOVA that are placed, cleared, and given back when no device knows
 * them.
 *
 * <p>The smallest entry of the table is the unit of it all, a page or a few. Most mappings are one
 * entry, and have methods of their own: a flat table then writes one word. One thread; nothing here
 * allocates memory of this process.
 */
abstract class RunPlacer extends ServiceGate {
    /** A run of pages below this is not worth an aligned place: no format has such superpages. */
    private static final int SMALLEST_SUPERPAGE = 512;

    final PhysicalMemory memory;
    final Translations translations;

    /** Log2 of the pages under the smallest entry. */
    final int granuleShift;

    /** Pages under the smallest entry. */
    final int granule;

    /** Whether neighbouring runs may be given back as one. */
    final boolean joinsNeighbours;

    /** Log2 of the bytes under the smallest entry. */
    private final int entryShift;

    /** Offset within the smallest entry: an IOVA and its physical address agree in these bits. */
    private final long offsetMask;

    /** In units of the smallest entry. */
    private final IovaAllocator allocator;

    /** A flush has failed: what it was for may not be used before one of everything succeeds. */
    private boolean unflushed;

    RunPlacer(PhysicalMemory memory, Translations translations) {
        this.memory = memory;
        this.translations = translations;
        allocator = translations.iovas();
        joinsNeighbours = allocator.joinsNeighbours();
        granuleShift = translations.granuleShift();
        granule = 1 << granuleShift;
        entryShift = IoPage.SHIFT + granuleShift;
        offsetMask = (1L << entryShift) - 1;
    }

    /** The first page of a mapping: the IOVA's, or the page where its smallest entry begins. */
    final long firstPage(long address) {
        return (address & ~offsetMask) >>> IoPage.SHIFT;
    }

    /** Pages under a buffer, in whole entries of the smallest size. */
    final int pages(long address, long lengthBytes) {
        return (int)
                (((address & offsetMask) + lengthBytes + offsetMask & ~offsetMask)
                        >>> IoPage.SHIFT);
    }

    /** Whether a buffer, not an empty one, lies in one entry: most do. */
    final boolean isOneEntry(long address, int lengthBytes) {
        // An empty or negative length wraps round and is none.
        return lengthBytes - 1L + Long.MIN_VALUE
                <= offsetMask - (address & offsetMask) + Long.MIN_VALUE;
    }

    /** The entry, by its number, of the first page of a mapping. */
    final long entry(long address) {
        return address >>> entryShift;
    }

    /** The IOVA of a buffer whose first entry is at a page. */
    final long iova(long page, long physicalAddress) {
        return page << IoPage.SHIFT | physicalAddress & offsetMask;
    }

    /** Refuses a buffer that is not memory of this service, up to the borders of its entries. */
    final void require(long physicalAddress, long lengthBytes, int pages) {
        if (lengthBytes <= 0
                || !memory.contains(physicalAddress & ~offsetMask, (long) pages << IoPage.SHIFT)) {
            throw Buffers.notMemory(physicalAddress, lengthBytes, offsetMask + 1);
        }
    }

    /**
     * Places a run of page frames, not committed yet. Large runs get pages that are aligned as
     * their frames are, so that superpages fit.
     *
     * @return the first IOVA page, or {@link IovaAllocator#NONE}
     */
    final long place(long pageFrame, int pages, int access) {
        long page = takePages(pageFrame, pages);
        if (page >= 0) {
            try {
                translations.map(page, pageFrame, pages, access);
            } catch (RuntimeException refused) {
                free(page, pages);
                throw refused;
            }
        }
        return page;
    }

    /**
     * {@link #place} of one entry.
     *
     * @param physicalAddress of a buffer that lies in it
     * @return the number of the entry in the table, or {@link IovaAllocator#NONE}
     * @throws IllegalArgumentException if it is not memory of this service
     */
    final long placeEntry(long physicalAddress, int lengthBytes, int access) {
        long start = physicalAddress & ~offsetMask;
        if (!memory.contains(start, offsetMask + 1)) {
            throw Buffers.notMemory(physicalAddress, lengthBytes, offsetMask + 1);
        }
        long entry = allocator.allocate(1);
        if (entry < 0) {
            entry = takeEntryWithRoom();
            if (entry < 0) {
                return IovaAllocator.NONE;
            }
        }
        try {
            translations.mapEntry(entry << granuleShift, start >>> IoPage.SHIFT, access);
        } catch (RuntimeException refused) {
            allocator.free(entry, 1);
            throw refused;
        }
        return entry;
    }

    private long takeEntryWithRoom() {
        makeRoom();
        long entry = allocator.allocate(1);
        if (entry < 0 && awaitRoom()) {
            rollOver();
            entry = allocator.allocate(1);
        }
        return entry;
    }

    /** IOVA pages for a run, after a roll-over if need be, or {@link IovaAllocator#NONE}. */
    final long takePages(long pageFrame, int pages) {
        long page = allocate(pageFrame, pages);
        return page < 0 ? takeWithRoom(pageFrame, pages) : page;
    }

    private long takeWithRoom(long pageFrame, int pages) {
        makeRoom();
        long page = allocate(pageFrame, pages);
        if (page < 0 && awaitRoom()) {
            rollOver();
            page = allocate(pageFrame, pages);
        }
        return Math.max(IovaAllocator.NONE, page);
    }

    /** The first page of a free run; negative if there is none. */
    private long allocate(long pageFrame, int pages) {
        if (pages >= SMALLEST_SUPERPAGE) {
            return allocateAligned(pageFrame >>> granuleShift, pages >>> granuleShift);
        }
        return allocator.allocate(pages >>> granuleShift) << granuleShift;
    }

    /** Congruent to the frames in the largest superpage that fits; else in a smaller one. */
    private long allocateAligned(long frameUnit, int units) {
        for (int size = Integer.highestOneBit(units);
                size >= SMALLEST_SUPERPAGE >>> granuleShift && size > 1;
                size >>>= 3) {
            int skew = (int) frameUnit & size - 1;
            long unit =
                    units > Integer.MAX_VALUE - skew
                            ? IovaAllocator.NONE
                            : allocator.allocate(units + skew, size);
            if (unit != IovaAllocator.NONE) {
                if (skew > 0) {
                    // These were never mapped: nobody needs to flush for them.
                    allocator.free(unit, skew);
                }
                return unit + skew << granuleShift;
            }
        }
        return allocator.allocate(units) << granuleShift;
    }

    /** Gives IOVA pages back that no device knows. */
    final void free(long page, int pages) {
        allocator.free(page >>> granuleShift, pages >>> granuleShift);
    }

    /** Gives IOVA pages back for use after a flush and a roll-over. */
    final void retire(long page, int pages) {
        allocator.retire(page >>> granuleShift, pages >>> granuleShift);
    }

    /** {@link #retire} of one entry, by its number. */
    final void retireEntry(long entry) {
        allocator.retire(entry, 1);
    }

    /** Pages that could be taken, after a roll-over at most. */
    final long freePages() {
        return allocator.freePages() << granuleShift;
    }

    /** Pages that wait for a roll-over. */
    final long retiredPages() {
        return allocator.retiredPages() << granuleShift;
    }

    /** Takes a run away: when it returns, no device reaches it, and its IOVA is free. */
    final void reclaim(long page, int pages) {
        translations.clear(page, pages);
        boolean settled = false;
        try {
            translations.forget(page, pages);
            settled = true;
        } finally {
            giveBack(page, pages, settled);
        }
    }

    /** {@link #reclaim} of one entry, by its number. */
    final void reclaimEntry(long entry) {
        translations.clearEntry(entry << granuleShift);
        boolean settled = false;
        try {
            translations.forget(entry << granuleShift, granule);
            settled = true;
        } finally {
            if (settled) {
                allocator.free(entry, 1);
            } else {
                giveBack(entry << granuleShift, granule, false);
            }
        }
    }

    /**
     * Gives cleared IOVA pages back; if they are not settled, only after a flush that is.
     *
     * <p>If a device is stuck, the pages are retired: they come back after a roll-over whose flush
     * succeeds.
     */
    final void giveBack(long page, int pages, boolean settled) {
        if (settled) {
            free(page, pages);
        } else {
            retire(page, pages);
            needFlush();
        }
    }

    /** No run is free: begins the next lap of the allocator, with nothing stale in it. */
    void makeRoom() {
        if (unflushed) {
            flushAll();
        }
        rollOver();
    }

    /** Waits for runs whose flush is under way, if there are any: whether some came back. */
    boolean awaitRoom() {
        return false;
    }

    /** What was retired is free; a flush that began after it was has completed. */
    final void rollOver() {
        allocator.rollOver();
    }

    /** A flush has failed, or may: see {@link #isFlushed}. */
    final void needFlush() {
        unflushed = true;
    }

    /** Whether no flush has failed since the last of everything that succeeded. */
    final boolean isFlushed() {
        return !unflushed;
    }

    /** {@link Translations#settle}. */
    final void settleOrNeedFlush() {
        boolean settled = false;
        try {
            translations.settle();
            settled = true;
        } finally {
            if (!settled) {
                needFlush();
            }
        }
    }

    /** Makes every device forget what was cleared. */
    void flushAll() {
        needFlush();
        translations.invalidateAll();
        translations.settle();
        unflushed = false;
    }
}
