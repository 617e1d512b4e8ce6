package dev.outboard.dma;

import java.util.Arrays;
import java.util.random.RandomGenerator;

/**
 * Translations that a device was told, as ranges: an IOTLB whose entries have any length. At most
 * so many; to make room, one at random goes, as in DPDK's back-end. Ranges never overlap: what is
 * told last counts.
 *
 * <p>IOVAs are unsigned. One thread. Memory is taken at start. To find is a look at the entry that
 * the page had last, or a search by halving.
 *
 * <pre>
 *   page of an IOVA ─► hint ─► entry: first IOVA | length | region | offset | access
 *                              sorted by first IOVA, each checked before it is used
 * </pre>
 */
final class IotlbRanges {
    /** What {@link #find} returns when there is none. */
    static final int NONE = -1;

    private static final int HINTS = 1024;
    private static final int PAGE_SHIFT = 12;

    private final long[] firsts;
    private final long[] lengths;
    private final long[] offsets;
    private final int[] regions;
    private final int[] accesses;
    private final short[] hints = new short[HINTS];
    private final RandomGenerator random;
    private int count;
    private long evictions;

    /**
     * @param capacity entries at most, 2 to 32767
     * @param random says who goes
     */
    IotlbRanges(int capacity, RandomGenerator random) {
        if (capacity < 2 || capacity > Short.MAX_VALUE) {
            throw new IllegalArgumentException("capacity=" + capacity + " is not 2 to 32767");
        }
        // One more than are ever in use: an entry that is not there has length 0.
        firsts = new long[capacity + 1];
        lengths = new long[capacity + 1];
        offsets = new long[capacity + 1];
        regions = new int[capacity + 1];
        accesses = new int[capacity + 1];
        this.random = random;
    }

    /** The entry that holds an IOVA, valid until the next change; or {@link #NONE}. */
    int find(long iova) {
        int entry = hints[hint(iova)];
        return holds(entry, iova) ? entry : search(iova);
    }

    private static int hint(long iova) {
        return (int) (iova >>> PAGE_SHIFT) & HINTS - 1;
    }

    private boolean holds(int entry, long iova) {
        return Long.compareUnsigned(iova - firsts[entry], lengths[entry]) < 0;
    }

    private int search(long iova) {
        int entry = firstAfter(iova) - 1;
        if (entry < 0 || !holds(entry, iova)) {
            return NONE;
        }
        hints[hint(iova)] = (short) entry;
        return entry;
    }

    /** The first entry that begins after an IOVA. */
    private int firstAfter(long iova) {
        int low = 0;
        int high = count;
        while (low < high) {
            int middle = low + high >>> 1;
            if (Long.compareUnsigned(firsts[middle], iova) <= 0) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /** What an entry allows, bits of {@link dev.outboard.iommu.Access}. */
    int access(int entry) {
        return accesses[entry];
    }

    /** In which region of the memory table an entry lies. */
    int region(int entry) {
        return regions[entry];
    }

    /** Where in its region an IOVA of an entry lies. */
    long offset(int entry, long iova) {
        return offsets[entry] + (iova - firsts[entry]);
    }

    /** How many bytes an entry has from one of its IOVAs on. */
    long lengthFrom(int entry, long iova) {
        return lengths[entry] - (iova - firsts[entry]);
    }

    /**
     * Keeps a translation, in place of what there was.
     *
     * @param lengthBytes at least 1; the range does not run over the last IOVA
     * @return whether anything that was known is not known any more
     */
    boolean put(long iova, long lengthBytes, int region, long offset, int access) {
        boolean forgot = drop(iova, iova + lengthBytes - 1);
        if (count == firsts.length - 1) {
            remove(random.nextInt(count), 1);
            evictions++;
            forgot = true;
        }
        int entry = firstAfter(iova);
        open(entry);
        set(entry, iova, lengthBytes, region, offset, access);
        hints[hint(iova)] = (short) entry;
        return forgot;
    }

    /**
     * Forgets what is known of a range; of an entry that reaches out of it, the rest stays.
     *
     * @return whether there was any
     */
    boolean drop(long firstIova, long lastIova) {
        int from = firstAfter(firstIova);
        if (from > 0 && holds(from - 1, firstIova)) {
            from--;
        }
        boolean any = false;
        if (from < count && isBelow(firsts[from], firstIova)) {
            any = true;
            if (isBelow(lastIova, last(from))) {
                split(from, firstIova, lastIova);
                return true;
            }
            lengths[from] = firstIova - firsts[from];
            from++;
        }
        int to = from;
        while (to < count && !isBelow(lastIova, last(to))) {
            to++;
        }
        any |= to > from;
        remove(from, to - from);
        if (from < count && !isBelow(lastIova, firsts[from])) {
            any = true;
            cutFront(from, lastIova + 1);
        }
        return any;
    }

    /**
     * Forgets every translation into a region.
     *
     * @return whether there was any
     */
    boolean dropRegion(int region) {
        int kept = 0;
        for (int entry = 0; entry < count; entry++) {
            if (regions[entry] != region) {
                if (kept < entry) {
                    move(entry, kept, 1);
                }
                kept++;
            }
        }
        int dropped = count - kept;
        remove(kept, dropped);
        return dropped > 0;
    }

    private static boolean isBelow(long one, long other) {
        return Long.compareUnsigned(one, other) < 0;
    }

    private long last(int entry) {
        return firsts[entry] + (lengths[entry] - 1);
    }

    private void cutFront(int entry, long newFirst) {
        long cut = newFirst - firsts[entry];
        firsts[entry] = newFirst;
        offsets[entry] += cut;
        lengths[entry] -= cut;
    }

    /** A hole in the middle: two remain. Without room, the first of them goes, too. */
    private void split(int entry, long firstIova, long lastIova) {
        if (count < firsts.length - 1) {
            open(entry);
            set(
                    entry,
                    firsts[entry + 1],
                    firstIova - firsts[entry + 1],
                    regions[entry + 1],
                    offsets[entry + 1],
                    accesses[entry + 1]);
            cutFront(entry + 1, lastIova + 1);
        } else {
            evictions++;
            cutFront(entry, lastIova + 1);
        }
    }

    private void set(int entry, long iova, long length, int region, long offset, int access) {
        firsts[entry] = iova;
        lengths[entry] = length;
        regions[entry] = region;
        offsets[entry] = offset;
        accesses[entry] = access;
    }

    /** Makes room before an entry; the one that is there is in two places. */
    private void open(int entry) {
        move(entry, entry + 1, count - entry);
        count++;
    }

    private void remove(int entry, int removed) {
        if (removed > 0) {
            move(entry + removed, entry, count - entry - removed);
            // Hints may still lead to what is no entry any more.
            Arrays.fill(lengths, count - removed, count, 0);
            count -= removed;
        }
    }

    private void move(int from, int to, int moved) {
        System.arraycopy(firsts, from, firsts, to, moved);
        System.arraycopy(lengths, from, lengths, to, moved);
        System.arraycopy(offsets, from, offsets, to, moved);
        System.arraycopy(regions, from, regions, to, moved);
        System.arraycopy(accesses, from, accesses, to, moved);
    }

    /** How many translations are known. */
    int count() {
        return count;
    }

    /** How many went to make room. */
    long evictions() {
        return evictions;
    }
}
