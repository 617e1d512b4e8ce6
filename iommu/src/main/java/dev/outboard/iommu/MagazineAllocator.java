package dev.outboard.iommu;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * One thread's magazines in a {@link MagazineSpace}: two for each size, and one for what is
 * retired.
 *
 * <p>A run is of a power of two of pages, aligned to it; what a request leaves of it is not handed
 * out meanwhile. Runs that are no power of two are only made when there is no room for one, or when
 * their head was given back before them; they come from the bitmap, and go back to it.
 *
 * <p>Retired runs go into magazines of their own, which {@link #rollOver} moves to the depot whole.
 * A lap ends when half of the thread's share of the window is retired, or nothing is left.
 */
final class MagazineAllocator implements IovaAllocator {
    private static final VarHandle TAKEN;

    static {
        try {
            TAKEN =
                    MethodHandles.lookup()
                            .findVarHandle(MagazineAllocator.class, "taken", long.class);
        } catch (ReflectiveOperationException missing) {
            throw new ExceptionInInitializerError(missing);
        }
    }

    private final MagazineSpace space;
    private final RunLengths lengths;
    private final Magazine[] loaded;
    private final Magazine[] previous;
    private final Magazine[] retired;

    /** Full retired magazines by size: the top of a stack, and its last. */
    private final Magazine[] retiredTop;

    private final Magazine[] retiredLast;

    /** Retired runs that are no power of two. */
    private final RetiredPages retiredOdd;

    private final long lapPages;
    private final int sizes;
    private long retiredPages;
    private int scarcitySeen;

    /** Pages allocated less pages freed here; below 0 where this thread frees others' runs. */
    private long taken;

    MagazineAllocator(MagazineSpace space, int sizes) {
        this.space = space;
        this.sizes = sizes;
        lengths = space.lengths;
        lapPages = space.lapPages();
        loaded = new Magazine[sizes];
        previous = new Magazine[sizes];
        retired = new Magazine[sizes];
        retiredTop = new Magazine[sizes];
        retiredLast = new Magazine[sizes];
        Magazine none = Magazine.none();
        for (int size = 0; size < sizes; size++) {
            loaded[size] = none;
            previous[size] = none;
            retired[size] = none;
        }
        retiredOdd = new RetiredPages(lengths.endPage());
    }

    /** The smallest power of two, as its logarithm, that holds so many pages. */
    private static int size(int pages) {
        return Integer.SIZE - Integer.numberOfLeadingZeros(pages - 1);
    }

    @Override
    public long allocate(int pages) {
        return allocate(pages, 1);
    }

    @Override
    public long allocate(int pages, int alignment) {
        NextFitAllocator.requireRun(pages, alignment);
        int size = size(pages);
        if (size >= sizes || alignment > 1 << size) {
            return allocateOdd(pages, alignment);
        }
        Magazine magazine = loaded[size];
        if (magazine.count == 0) {
            magazine = reload(size);
            if (magazine.count == 0) {
                return scarce(pages, alignment, size);
            }
        }
        int page = magazine.pages[--magazine.count];
        lengths.set(page, pages);
        count(1 << size);
        return page;
    }

    private Magazine reload(int size) {
        Magazine spent = loaded[size];
        if (previous[size].count > 0) {
            loaded[size] = previous[size];
            previous[size] = spent;
        } else if (retiredPages < lapPages) {
            loaded[size] = space.refill(size, spent);
        }
        return loaded[size];
    }

    /** Nothing of this size is left but what magazines of other sizes, or bits of runs, hold. */
    private long scarce(int pages, int alignment, int size) {
        if (retiredPages >= lapPages) {
            return NONE;
        }
        space.emptyDepot();
        putBackMagazines();
        loaded[size] = space.refill(size, loaded[size]);
        return loaded[size].count > 0 ? allocate(pages, alignment) : takeOdd(pages, alignment);
    }

    private void putBackMagazines() {
        scarcitySeen = space.scarcity;
        for (int size = 0; size < sizes; size++) {
            space.empty(size, loaded[size]);
            space.empty(size, previous[size]);
        }
    }

    private long allocateOdd(int pages, int alignment) {
        long page = takeOdd(pages, alignment);
        if (page == NONE) {
            space.emptyDepot();
            putBackMagazines();
            page = takeOdd(pages, alignment);
        }
        return page;
    }

    private long takeOdd(int pages, int alignment) {
        long page = space.take(pages, alignment);
        if (page != NONE) {
            lengths.set((int) page, -pages);
            count(pages);
        }
        return page;
    }

    private void count(int pages) {
        // Opaque: one writer; who adds the counts of all threads up reads it whole.
        TAKEN.setOpaque(this, taken + pages);
    }

    long takenPages() {
        return (long) TAKEN.getOpaque(this);
    }

    @Override
    public void free(long page, int pages) {
        if (pages <= 0 || lengths.at(page) != pages) {
            freeOdd(page, pages);
            return;
        }
        lengths.clear((int) page);
        int size = size(pages);
        put(size, (int) page);
        count(-(1 << size));
        if (space.scarcity != scarcitySeen) {
            putBackMagazines();
        }
    }

    private void put(int size, int page) {
        Magazine magazine = loaded[size];
        if (magazine.count == magazine.limit) {
            magazine = unload(size);
        }
        magazine.pages[magazine.count++] = page;
    }

    private Magazine unload(int size) {
        Magazine full = loaded[size];
        Magazine other = previous[size];
        if (other.count < other.limit) {
            loaded[size] = other;
        } else {
            loaded[size] =
                    other.limit == 0 ? space.takeEmpty(size) : space.exchangeFull(size, other);
        }
        previous[size] = full;
        return loaded[size];
    }

    /** A run that is no power of two, or the head of a longer one. */
    private void freeOdd(long page, int pages) {
        int length = lengths.at(page);
        if (pages <= 0 || length == 0 || pages > Math.abs(length)) {
            throw NextFitAllocator.notAllocated(page, pages);
        }
        int first = (int) page;
        lengths.clear(first);
        int whole = length < 0 ? -length : 1 << size(length);
        int rest = Math.abs(length) - pages;
        if (rest > 0) {
            lengths.set(first + pages, -rest);
        }
        space.putBack(first, pages);
        if (whole > pages + rest) {
            space.putBack(first + pages + rest, whole - pages - rest);
        }
        count(rest - whole);
    }

    @Override
    public void retire(long page, int pages) {
        int length = lengths.at(page);
        if (pages <= 0 || Math.abs(length) != pages) {
            throw NextFitAllocator.notAllocated(page, pages);
        }
        int first = (int) page;
        lengths.clear(first);
        if (length < 0) {
            retiredOdd.add(first, first + pages);
            retiredPages += pages;
            return;
        }
        int size = size(pages);
        Magazine magazine = retired[size];
        if (magazine.count == magazine.limit) {
            magazine = nextRetired(size);
        }
        magazine.pages[magazine.count++] = first;
        retiredPages += 1 << size;
    }

    private Magazine nextRetired(int size) {
        Magazine full = retired[size];
        if (full.count > 0) {
            full.next = retiredTop[size];
            if (full.next == null) {
                retiredLast[size] = full;
            }
            retiredTop[size] = full;
        }
        retired[size] = space.takeEmpty(size);
        return retired[size];
    }

    @Override
    public void rollOver() {
        if (retiredPages == 0) {
            return;
        }
        for (int size = 0; size < sizes; size++) {
            if (retiredTop[size] != null) {
                space.putFull(size, retiredTop[size], retiredLast[size]);
                retiredTop[size] = null;
            }
            Magazine last = retired[size];
            while (last.count > 0) {
                put(size, last.pages[--last.count]);
            }
        }
        if (retiredOdd.count() > 0) {
            space.putBack(retiredOdd);
        }
        count((int) -retiredPages);
        retiredPages = 0;
    }

    @Override
    public long freePages() {
        return space.freePages();
    }

    @Override
    public long retiredPages() {
        return retiredPages;
    }
}
