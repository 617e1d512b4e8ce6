package dev.outboard.iommu;

import java.lang.foreign.MemorySegment;

/**
 * The radix structure: levels of tables, each indexed by some bits of the page number, and larger
 * pages where an entry above the last level is a page.
 *
 * <pre>
 *   memory:  root │ level n-1 … │ level 2, one table after another │ level 1, likewise
 *
 *   page number:  … │ index at level 3 │ index at level 2 │ index at level 1 │ granule
 * </pre>
 *
 * <p>The owner places all tables beforehand (the memory is sparse: a table that holds nothing takes
 * none) and so finds every entry by arithmetic: to map a page costs what it costs in a flat table.
 * The device walks the pointers. A larger page stands where the pointer stood, and clearing it puts
 * the pointer back.
 *
 * <p>One process writes (with release), others walk (with acquire). Entries are single words: a
 * walk sees each as it was or as it is. Whatever a hostile owner writes, a walk takes at most one
 * load a level, each checked to be within the memory. It allocates nothing but itself.
 */
final class RadixTable implements PageTable {
    private final RadixFormat format;
    private final MemorySegment memory;
    private final long pages;
    private final int levels;
    private final int stride;
    private final int rootShift;
    private final int granuleShift;
    private final long granule;
    private final long granuleMask;
    private final long indexMask;

    /** Bits that the page frame of an entry may not have. */
    private final long unfitBits;

    /** The last offset at which a whole table still lies in the memory. */
    private final long lastTableOffset;

    /** Index of the first entry of each level in the memory, by level; the root's is 0. */
    private final long[] firstOf;

    private final long firstLeaf;

    /**
     * Whether entries above the smallest were ever written; then a run is looked at before it is
     * cleared. Who hands a run to another thread orders this as well.
     */
    private boolean hasLargerEntries;

    RadixTable(RadixFormat format, MemorySegment memory, int entries) {
        TableChecks.requireTable(format, memory.byteSize(), entries);
        this.format = format;
        this.memory = memory;
        levels = format.levels();
        stride = format.stride(entries);
        granuleShift = format.granuleShift();
        granule = 1L << granuleShift;
        granuleMask = granule - 1;
        indexMask = (1L << stride) - 1;
        rootShift = granuleShift + stride * (levels - 1);
        pages = (long) entries << granuleShift;
        unfitBits = ~format.maxPageFrame() | granuleMask;
        lastTableOffset = memory.byteSize() - (Long.BYTES << stride);
        firstOf = new long[levels + 1];
        for (int level = levels; level > 1; level--) {
            firstOf[level - 1] = firstOf[level] + RadixFormat.levelEntries(entries, level, stride);
        }
        firstLeaf = firstOf[1];
    }

    /** Links each level to the next: an empty table. */
    void writePointers() {
        long last = (pages >>> granuleShift) - 1;
        for (int level = 2; level <= levels; level++) {
            for (long index = 0; index <= last >>> stride * (level - 1); index++) {
                format.storeRelease(memory, firstOf[level] + index, pointer(level, index));
            }
        }
    }

    /** What entry {@code index} of a level above the last is where there is no larger page. */
    private long pointer(int level, long index) {
        long table = firstOf[level - 1] + (index << stride);
        return format.pointer(table * Long.BYTES, level - 1);
    }

    @Override
    public TableFormat format() {
        return format;
    }

    @Override
    public long pages() {
        return pages;
    }

    @Override
    public void map(long page, long pageFrame, long pages, int access) {
        // One page is what most mappings are: few comparisons, and the rest out of the way.
        long misfit = pageFrame & unfitBits | page & granuleMask | access & ~Access.READ_WRITE;
        if (pages == granule
                && misfit == 0
                && access != Access.NONE
                && Long.compareUnsigned(page, this.pages) < 0) {
            format.storeRelease(
                    memory, firstLeaf + (page >>> granuleShift), format.bits(pageFrame, access));
        } else {
            mapRun(page, pageFrame, pages, access);
        }
    }

    private void mapRun(long first, long firstFrame, long pages, int access) {
        TableChecks.requireRun(this, first, pages);
        TableChecks.requireEncodable(format, first, firstFrame, pages, access);
        long page = first;
        long pageFrame = firstFrame;
        long end = first + pages;
        while (page < end) {
            int aligned = Long.numberOfTrailingZeros(page | pageFrame);
            int contained = Long.SIZE - 1 - Long.numberOfLeadingZeros(end - page);
            int order = format.orderWithin(Math.min(aligned, contained));
            if (order > granuleShift) {
                hasLargerEntries = true;
            }
            int level = 1 + (order - granuleShift) / stride;
            // An order between two levels takes so many equal entries of the lower.
            int copies = 1 << (order - granuleShift) % stride;
            long entry = format.bits(pageFrame, order, access);
            long slot = firstOf[level] + (page >>> shift(level));
            for (int copy = 0; copy < copies; copy++) {
                format.storeRelease(memory, slot + copy, entry);
            }
            page += 1L << order;
            pageFrame += 1L << order;
        }
    }

    private int shift(int level) {
        return granuleShift + stride * (level - 1);
    }

    @Override
    public void clear(long page, long pages) {
        if (pages == granule
                && (page & granuleMask) == 0
                && !hasLargerEntries
                && Long.compareUnsigned(page, this.pages) < 0) {
            format.storeRelease(memory, firstLeaf + (page >>> granuleShift), 0);
        } else {
            clearRun(page, pages);
        }
    }

    private void clearRun(long page, long pages) {
        TableChecks.requireRun(this, page, pages);
        TableChecks.requireAligned(format, page, pages);
        if (hasLargerEntries) {
            TableChecks.requireUncut(this, page, page, pages);
            TableChecks.requireUncut(this, page + pages - 1, page, pages);
            clearLargerEntries(page, page + pages);
        } else {
            clearEntries(page >>> granuleShift, page + pages >>> granuleShift);
        }
    }

    private void clearEntries(long first, long end) {
        for (long index = first; index < end; index++) {
            format.storeRelease(memory, firstLeaf + index, 0);
        }
    }

    private void clearLargerEntries(long first, long end) {
        long page = first;
        while (page < end) {
            int level = clearedLevel(page, end);
            if (level == 1) {
                format.storeRelease(memory, firstLeaf + (page >>> granuleShift), 0);
            }
            page += 1L << shift(level);
        }
    }

    /** Puts the pointer back where a larger page stands; gives the level, or 1 if none does. */
    private int clearedLevel(long page, long end) {
        for (int level = levels; level > 1; level--) {
            long covered = 1L << shift(level);
            if ((page & covered - 1) == 0 && end - page >= covered) {
                long index = page >>> shift(level);
                long pointer = pointer(level, index);
                if (format.loadAcquire(memory, firstOf[level] + index) != pointer) {
                    format.storeRelease(memory, firstOf[level] + index, pointer);
                    return level;
                }
            }
        }
        return 1;
    }

    @Override
    public long walk(long page) {
        if (Long.compareUnsigned(page, pages) >= 0) {
            return Translation.NONE;
        }
        long table = 0;
        int rights = Access.READ_WRITE;
        int shift = rootShift;
        for (int level = levels; level > 0; level--) {
            long entry = format.loadAcquire(memory, table + (page >>> shift & indexMask));
            rights &= format.access(entry);
            int order = rights == Access.NONE ? RadixFormat.BROKEN : format.order(entry, level);
            if (order >= 0) {
                long within = (1L << order) - 1;
                return Translation.of(
                        format.pageFrame(entry) & ~within | page & within, order, rights);
            }
            long offset = format.tableOffset(entry);
            if (order == RadixFormat.BROKEN || Long.compareUnsigned(offset, lastTableOffset) > 0) {
                return Translation.NONE;
            }
            table = offset / Long.BYTES;
            shift -= stride;
        }
        return Translation.NONE;
    }
}
