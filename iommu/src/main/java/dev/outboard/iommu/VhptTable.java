package dev.outboard.iommu;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/**
 * The hashed structure: a page number and a page size hash to a set of four entries; whatever finds
 * its set full goes to the one entry that is kept for its first page, so nothing that can be mapped
 * fails to find room. The layout is {@link VhptDescriptor}'s.
 *
 * <p>An entry never moves while it is mapped. So a walk looks at five places for each page size in
 * use and needs no repetition: what it does not find there was not mapped all the while.
 *
 * <p>An entry has four words and is not written at once. Its version is odd meanwhile, and never
 * the same twice: a walk takes what it read only if the version was even before and is the same
 * after. To clear is to make the tag invalid, one word.
 *
 * <p>Several threads write, others walk, without locks: a writer makes a free entry its own by
 * raising the version from even to odd (compare and set). No method allocates. A hostile owner can
 * make a walk find nothing or what it likes, within the memory and with the same number of looks.
 */
final class VhptTable implements PageTable {
    private static final VarHandle WORD = EntryWord.LITTLE_ENDIAN;

    private final MemorySegment memory;
    private final long pages;
    private final int setBits;
    private final long setMask;
    private final long ownEntriesOffset;

    VhptTable(MemorySegment memory, int entries) {
        TableChecks.requireTable(VhptFormat.INSTANCE, memory.byteSize(), entries);
        this.memory = memory;
        pages = entries;
        int sets = entries / VhptDescriptor.WAYS;
        setBits = Integer.numberOfTrailingZeros(sets);
        setMask = sets - 1;
        ownEntriesOffset = VhptDescriptor.SETS_OFFSET + (long) entries * VhptDescriptor.ENTRY_BYTES;
    }

    @Override
    public TableFormat format() {
        return VhptFormat.INSTANCE;
    }

    @Override
    public long pages() {
        return pages;
    }

    /** Names a page among all of all sizes; never 0, which stands in memory never written. */
    static long tag(long page, int order) {
        return page >>> order ^ (long) (order + IoPage.SHIFT) << VhptDescriptor.REGION_SHIFT;
    }

    /**
     * The set of a page. Neighbours have neighbouring sets; pages of 4 KiB alone fill all sets
     * evenly.
     */
    private long setOffset(long page, int order) {
        long number = page >>> order;
        long set = (number ^ number >>> setBits ^ order * 37L) & setMask;
        return VhptDescriptor.SETS_OFFSET + set * VhptDescriptor.SET_BYTES;
    }

    /** The entry for when the set is full: kept for the first page of a run, whatever its size. */
    private long ownEntryOffset(long page, int order) {
        return ownEntriesOffset + (page & -(1L << order)) * VhptDescriptor.ENTRY_BYTES;
    }

    @Override
    public void map(long page, long pageFrame, long pages, int access) {
        TableChecks.requireRun(this, page, pages);
        TableChecks.requireEncodable(VhptFormat.INSTANCE, page, pageFrame, pages, access);
        if (pages == 1) {
            put(page, pageFrame, 0, access);
        } else {
            mapRun(page, pageFrame, pages, access);
        }
    }

    private void mapRun(long first, long firstFrame, long pages, int access) {
        long page = first;
        long pageFrame = firstFrame;
        long end = first + pages;
        while (page < end) {
            int aligned = Long.numberOfTrailingZeros(page | pageFrame);
            int contained = Long.SIZE - 1 - Long.numberOfLeadingZeros(end - page);
            int order = VhptFormat.orderWithin(Math.min(aligned, contained));
            if (order > 0) {
                useOrder(order);
            }
            put(page, pageFrame, order, access);
            page += 1L << order;
            pageFrame += 1L << order;
        }
    }

    /** Tells walkers to look for pages of a size, too. */
    private void useOrder(int order) {
        long bit = 1L << order;
        if ((largerOrders() & bit) == 0) {
            // Release: a walker that knows of an entry knows of its size. Partner: largerOrders().
            long _ = (long) WORD.getAndBitwiseOrRelease(memory, VhptDescriptor.SIZES_OFFSET, bit);
        }
    }

    private int largerOrders() {
        long sizes = (long) WORD.getAcquire(memory, VhptDescriptor.SIZES_OFFSET);
        return (int) sizes & VhptFormat.ORDERS & ~1;
    }

    private void put(long page, long pageFrame, int order, int access) {
        long entry = claim(page, order);
        long version = word(entry, VhptDescriptor.VERSION_OFFSET);
        setWord(entry, VhptDescriptor.PTE_OFFSET, VhptFormat.bits(pageFrame, access));
        setWord(
                entry,
                VhptDescriptor.ITIR_OFFSET,
                (long) (order + IoPage.SHIFT) << VhptDescriptor.PAGE_SIZE_SHIFT);
        setWord(entry, VhptDescriptor.TAG_OFFSET, tag(page, order));
        // Release: the words come before the version that makes them valid. Partner: read().
        WORD.setRelease(memory, entry + VhptDescriptor.VERSION_OFFSET, version + 1);
    }

    /** A free entry that is this thread's from now on: its version is odd. */
    private long claim(long page, int order) {
        long set = setOffset(page, order);
        for (int way = 0; way < VhptDescriptor.WAYS; way++) {
            long entry = set + way * VhptDescriptor.ENTRY_BYTES;
            if (tryClaim(entry)) {
                return entry;
            }
        }
        long own = ownEntryOffset(page, order);
        if (!tryClaim(own)) {
            throw new IllegalStateException(
                    "page=0x%x is mapped already: clear it first".formatted(page));
        }
        return own;
    }

    private boolean tryClaim(long entry) {
        long version = (long) WORD.getAcquire(memory, entry + VhptDescriptor.VERSION_OFFSET);
        // The version is read first: if the tag was free under it, and it still stands, so is the
        // entry.
        boolean isFree = word(entry, VhptDescriptor.TAG_OFFSET) <= 0 && (version & 1) == 0;
        long offset = entry + VhptDescriptor.VERSION_OFFSET;
        if (!isFree || !raise(offset, version)) {
            return false;
        }
        // The odd version comes before the words. Partner: the fence in read().
        VarHandle.storeStoreFence();
        return true;
    }

    private boolean raise(long offset, long version) {
        return (long) WORD.compareAndExchangeAcquire(memory, offset, version, version + 1)
                == version;
    }

    @Override
    public void clear(long page, long pages) {
        TableChecks.requireRun(this, page, pages);
        int orders = largerOrders();
        if (orders != 0) {
            TableChecks.requireUncut(this, page, page, pages);
            TableChecks.requireUncut(this, page + pages - 1, page, pages);
        }
        long end = page + pages;
        for (long at = page; at < end; ) {
            at += 1L << clearAt(at, end, orders);
        }
    }

    /** Clears the entry whose first page this is, if there is one; gives its order, or 0. */
    private int clearAt(long page, long end, int orders) {
        if (remove(page, 0)) {
            return 0;
        }
        for (int left = orders; left != 0; left &= left - 1) {
            int order = Integer.numberOfTrailingZeros(left);
            if ((page & (1L << order) - 1) != 0 || end - page < 1L << order) {
                return 0;
            }
            if (remove(page, order)) {
                return order;
            }
        }
        return 0;
    }

    private boolean remove(long page, int order) {
        long tag = tag(page, order);
        long entry = setOffset(page, order);
        long setEnd = entry + VhptDescriptor.SET_BYTES;
        while (entry < setEnd && word(entry, VhptDescriptor.TAG_OFFSET) != tag) {
            entry += VhptDescriptor.ENTRY_BYTES;
        }
        if (entry == setEnd) {
            entry = ownEntryOffset(page, order);
            if (word(entry, VhptDescriptor.TAG_OFFSET) != tag) {
                return false;
            }
        }
        // Release: whoever claims the entry does so after this. Partner: tryClaim().
        WORD.setRelease(
                memory, entry + VhptDescriptor.TAG_OFFSET, tag | VhptDescriptor.TAG_INVALID);
        return true;
    }

    @Override
    public long walk(long page) {
        if (Long.compareUnsigned(page, pages) >= 0) {
            return Translation.NONE;
        }
        long translation = probe(page, 0);
        if (translation == Translation.NONE) {
            for (int left = largerOrders(); left != 0; left &= left - 1) {
                translation = probe(page, Integer.numberOfTrailingZeros(left));
                if (translation != Translation.NONE) {
                    break;
                }
            }
        }
        return translation;
    }

    private long probe(long page, int order) {
        long tag = tag(page, order);
        long entry = setOffset(page, order);
        for (int way = 0; way < VhptDescriptor.WAYS; way++) {
            long found = read(entry, page, order, tag);
            if (found != Translation.NONE) {
                return found;
            }
            entry += VhptDescriptor.ENTRY_BYTES;
        }
        return read(ownEntryOffset(page, order), page, order, tag);
    }

    /** What an entry says of a page, if it is that page's and nobody writes it meanwhile. */
    private long read(long entry, long page, int order, long tag) {
        long version = (long) WORD.getAcquire(memory, entry + VhptDescriptor.VERSION_OFFSET);
        if (word(entry, VhptDescriptor.TAG_OFFSET) != tag) {
            return Translation.NONE;
        }
        long pte = word(entry, VhptDescriptor.PTE_OFFSET);
        long itir = word(entry, VhptDescriptor.ITIR_OFFSET);
        // The words come before the second look at the version. Partner: the fence in tryClaim().
        VarHandle.loadLoadFence();
        long sameVersion = word(entry, VhptDescriptor.VERSION_OFFSET);
        int pageShift = (int) (itir >>> VhptDescriptor.PAGE_SIZE_SHIFT);
        int access = VhptFormat.access(pte);
        if ((version & 1) != 0
                || version != sameVersion
                || (pageShift & VhptDescriptor.PAGE_SIZE_MASK) != order + IoPage.SHIFT
                || access == Access.NONE) {
            return Translation.NONE;
        }
        long within = (1L << order) - 1;
        return Translation.of(VhptFormat.pageFrame(pte) & ~within | page & within, order, access);
    }

    private long word(long entry, int offset) {
        return (long) WORD.getOpaque(memory, entry + offset);
    }

    private void setWord(long entry, int offset, long value) {
        WORD.setOpaque(memory, entry + offset, value);
    }
}
