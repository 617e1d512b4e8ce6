package dev.outboard.dma.mediator;

/**
 * Which IOVA pages of a domain are mapped, and where each mapping begins: the mediator's own
 * record, in memory that nobody else sees, so that a double map and a wrong clear are refused by
 * it.
 *
 * <p>A page that was revoked stays in use until its client clears it: the client, which allocates
 * the IOVA, believes so. One thread; no method allocates but the first {@link #revoke}.
 */
final class PageUse {
    private final long[] used;
    private final long[] starts;

    /** Starts of runs that a batch has taken and not mapped yet: nobody may clear them. */
    private final long[] pending;

    private long[] revoked;

    PageUse(long pages) {
        int words = Math.toIntExact(pages + Long.SIZE - 1 >>> 6);
        used = new long[words];
        starts = new long[words];
        pending = new long[words];
    }

    private static boolean test(long[] bits, long page) {
        return (bits[(int) (page >>> 6)] >>> page & 1) != 0;
    }

    private static void set(long[] bits, long page) {
        bits[(int) (page >>> 6)] |= 1L << page;
    }

    /** The bits of word {@code index} that belong to pages {@code page} to before {@code end}. */
    private static long mask(int index, long page, long end) {
        long from = (long) index << 6;
        long mask = -1L;
        if (page > from) {
            mask &= -1L << page;
        }
        if (end < from + Long.SIZE) {
            mask &= ~(-1L << end);
        }
        return mask;
    }

    boolean isUsed(long page) {
        return test(used, page);
    }

    boolean isStart(long page) {
        return test(starts, page);
    }

    /**
     * Takes a run as one mapping, which is pending until {@link #settle}; false, and nothing is
     * changed, if a page of it is in use.
     */
    boolean take(long page, int pages) {
        if (pages == 1) {
            return takeOne(page);
        }
        long end = page + pages;
        int last = (int) (end - 1 >>> 6);
        for (int index = (int) (page >>> 6); index <= last; index++) {
            if ((used[index] & mask(index, page, end)) != 0) {
                return false;
            }
        }
        for (int index = (int) (page >>> 6); index <= last; index++) {
            used[index] |= mask(index, page, end);
        }
        set(starts, page);
        set(pending, page);
        return true;
    }

    /** Most runs are of one page, and need no masks. */
    private boolean takeOne(long page) {
        int index = (int) (page >>> 6);
        long bit = 1L << page;
        if ((used[index] & bit) != 0) {
            return false;
        }
        used[index] |= bit;
        starts[index] |= bit;
        pending[index] |= bit;
        return true;
    }

    /** A run that was taken is mapped now, and may be cleared. */
    void settle(long page) {
        pending[(int) (page >>> 6)] &= ~(1L << page);
    }

    /** Mappings that make up a run exactly, or -1 if it is not made of whole mappings. */
    int mappings(long page, int pages) {
        long end = page + pages;
        if (!test(starts, page) || isInside(end)) {
            return -1;
        }
        if (pages == 1) {
            return test(pending, page) ? -1 : 1;
        }
        int count = 0;
        int last = (int) (end - 1 >>> 6);
        for (int index = (int) (page >>> 6); index <= last; index++) {
            long mask = mask(index, page, end);
            if ((used[index] & mask) != mask || (pending[index] & mask) != 0) {
                return -1;
            }
            count += Long.bitCount(starts[index] & mask);
        }
        return count;
    }

    /** Whether a mapping that began before a page goes on at it. */
    private boolean isInside(long page) {
        return page >>> 6 < used.length && test(used, page) && !test(starts, page);
    }

    /** Gives back a run that {@link #mappings} counted. */
    void release(long page, int pages) {
        if (pages == 1 && revoked == null) {
            releaseOne(page);
            return;
        }
        long end = page + pages;
        int last = (int) (end - 1 >>> 6);
        for (int index = (int) (page >>> 6); index <= last; index++) {
            long keep = ~mask(index, page, end);
            used[index] &= keep;
            starts[index] &= keep;
            pending[index] &= keep;
            if (revoked != null) {
                revoked[index] &= keep;
            }
        }
    }

    private void releaseOne(long page) {
        int index = (int) (page >>> 6);
        long keep = ~(1L << page);
        used[index] &= keep;
        starts[index] &= keep;
        pending[index] &= keep;
    }

    /** The first mapping that begins at a page or after it, or {@code end} if there is none. */
    long nextStart(long page, long end) {
        long at = page;
        while (at < end) {
            long word = starts[(int) (at >>> 6)] >>> at;
            if (word != 0) {
                return Math.min(end, at + Long.numberOfTrailingZeros(word));
            }
            at = (at | Long.SIZE - 1) + 1;
        }
        return end;
    }

    /** Pages of the mapping that begins at a page. */
    int length(long start, long end) {
        long page = start + 1;
        while (page < end && isInside(page)) {
            page++;
        }
        return (int) (page - start);
    }

    /** The mapping that begins at a page is gone from the table, though its client keeps it. */
    void revoke(long start) {
        if (revoked == null) {
            revoked = new long[used.length];
        }
        set(revoked, start);
    }

    boolean isRevoked(long start) {
        return revoked != null && test(revoked, start);
    }

    /** Whether anything was ever revoked: if not, a run may be cleared without a look at each. */
    boolean hasRevoked() {
        return revoked != null;
    }
}
