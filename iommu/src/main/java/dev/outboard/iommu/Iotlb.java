package dev.outboard.iommu;

import java.util.Arrays;

/**
 * The translation cache of a bus master: set-associative, over IOVA pages.
 *
 * <p>It holds <em>translations</em>, {@code page frame << 2 | access}, which are the same for every
 * table format and never 0. Invalid entries are not cached: a mapping that is made after a miss
 * works at once, as in the hardware.
 *
 * <p>One thread. Memory is taken at construction; no method allocates. Dropping everything is O(1):
 * tags carry an epoch.
 */
public final class Iotlb {
    /** What {@link #lookup} says when the page is not cached. */
    public static final long MISS = 0;

    /** Pages that a tag can name: 40 bits. */
    static final int PAGE_BITS = 40;

    private static final long LAST_EPOCH = (1L << Long.SIZE - PAGE_BITS) - 1;

    private final int setMask;
    private final int ways;
    private final boolean lru;
    private final boolean random;
    private final long[] tags;
    private final long[] translations;

    /** When an entry came (FIFO) or was last used (LRU). */
    private final long[] stamps;

    private long epoch = 1;
    private long epochBits = epoch << PAGE_BITS;
    private long clock;
    private long randomState;
    private long hits;
    private long misses;
    private long evictions;
    private long invalidations;
    private long flushes;

    /** An empty cache with a fixed seed for random replacement. */
    public Iotlb(IotlbGeometry geometry) {
        this(geometry, 0x9e3779b97f4a7c15L);
    }

    /** An empty cache; {@code seed} (not 0) drives random replacement. */
    public Iotlb(IotlbGeometry geometry, long seed) {
        if (seed == 0) {
            throw new IllegalArgumentException("seed=0 never changes: take another");
        }
        setMask = geometry.sets() - 1;
        ways = geometry.ways();
        lru = geometry.replacement() == Replacement.LRU;
        random = geometry.replacement() == Replacement.RANDOM;
        tags = new long[geometry.entries()];
        translations = new long[geometry.entries()];
        stamps = new long[geometry.entries()];
        randomState = seed;
    }

    /** The translation of an IOVA page, or {@link #MISS}. */
    public long lookup(long page) {
        long tag = epochBits | page;
        int base = ((int) page & setMask) * ways;
        for (int slot = base; slot < base + ways; slot++) {
            if (tags[slot] == tag) {
                hits++;
                if (lru) {
                    stamps[slot] = ++clock;
                }
                return translations[slot];
            }
        }
        misses++;
        return MISS;
    }

    /** Remembers a translation of a page that was just missed; a full set loses an entry. */
    public void insert(long page, long translation) {
        int base = ((int) page & setMask) * ways;
        int slot = freeSlot(base);
        if (slot < 0) {
            slot = base + victim(base);
            evictions++;
        }
        tags[slot] = epochBits | page;
        translations[slot] = translation;
        stamps[slot] = ++clock;
    }

    private int freeSlot(int base) {
        for (int slot = base; slot < base + ways; slot++) {
            if (tags[slot] >>> PAGE_BITS != epoch) {
                return slot;
            }
        }
        return -1;
    }

    private int victim(int base) {
        if (random) {
            // xorshift64: good enough to choose a way, and needs no object.
            randomState ^= randomState << 13;
            randomState ^= randomState >>> 7;
            randomState ^= randomState << 17;
            return (int) Long.remainderUnsigned(randomState, ways);
        }
        int oldest = 0;
        for (int way = 1; way < ways; way++) {
            if (stamps[base + way] < stamps[base + oldest]) {
                oldest = way;
            }
        }
        return oldest;
    }

    /** Forgets one page. */
    public void invalidate(long page) {
        invalidations++;
        long tag = epochBits | page;
        int base = ((int) page & setMask) * ways;
        for (int slot = base; slot < base + ways; slot++) {
            if (tags[slot] == tag) {
                tags[slot] = 0;
                return;
            }
        }
    }

    /** Forgets everything. */
    public void flush() {
        flushes++;
        if (epoch == LAST_EPOCH) {
            Arrays.fill(tags, 0);
            epoch = 0;
        }
        epoch++;
        epochBits = epoch << PAGE_BITS;
    }

    /** The page in a slot from 0 to before the geometry's entries, or -1 if it holds none. */
    long pageAt(int slot) {
        long tag = tags[slot];
        return tag >>> PAGE_BITS == epoch ? tag & (1L << PAGE_BITS) - 1 : -1;
    }

    /** The translation in a slot that holds a page. */
    long translationAt(int slot) {
        return translations[slot];
    }

    /** Look-ups that found their page. */
    public long hits() {
        return hits;
    }

    /** Look-ups that did not. */
    public long misses() {
        return misses;
    }

    /** Entries that gave way to others. */
    public long evictions() {
        return evictions;
    }

    /** Single entries told to go, cached or not. */
    public long invalidations() {
        return invalidations;
    }

    /** Times that everything was forgotten. */
    public long flushes() {
        return flushes;
    }
}
