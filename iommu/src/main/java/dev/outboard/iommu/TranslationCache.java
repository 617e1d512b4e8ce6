package dev.outboard.iommu;

import java.util.Arrays;

/**
 * Translations by tag, set-associative, with one of four replacements: what the IOTLB and a
 * device's own cache are made of.
 *
 * <p>A tag and its translation lie side by side, the ways of a set one after another:
 *
 * <pre>
 *   words   │ tag │ translation │ tag │ translation │ …     a set of ways, padded to a power of two
 *   tag     │ 63 prefetched │ 62   epoch   46 │ 45  domain  40 │ 39    page    0 │
 * </pre>
 *
 * <p>Under LRU and FIFO the order of the ways is the order of replacement: the newest first, what
 * holds nothing last. A hit in the first way then stores nothing. Emptying everything is O(1):
 * another epoch.
 *
 * <p>One thread. Memory is taken at construction; no method allocates.
 */
final class TranslationCache {
    /** What a look-up says when there is nothing. */
    static final long MISS = Translation.NONE;

    /** Pages that a tag can name: 40 bits. */
    static final int PAGE_BITS = 40;

    static final long PAGE_MASK = (1L << PAGE_BITS) - 1;
    static final int DOMAIN_BITS = 6;
    static final int EPOCH_SHIFT = PAGE_BITS + DOMAIN_BITS;

    /** Says of a tag that its page was prefetched and not used yet. */
    static final long PREFETCHED = 1L << 63;

    static final int LAST_EPOCH = (1 << 63 - EPOCH_SHIFT) - 1;

    /** Tags and translations; read by {@link Translator}'s fast path. */
    final long[] words;

    final int setMask;

    /** Log2 of the words of a set. */
    final int setShift;

    private final int setWords;
    private final boolean movesOnHit;
    private final boolean ordered;
    private final boolean random;

    /** Under PLRU, the bits of each set's tree, the root at bit 1; else null. */
    private final long[] trees;

    private int epoch = 1;
    private long randomState;
    private long evictions;

    /** An empty cache; {@code seed} (not 0) drives random replacement. */
    TranslationCache(IotlbGeometry geometry, long seed) {
        if (seed == 0) {
            throw new IllegalArgumentException("seed=0 never changes: take another");
        }
        setMask = geometry.sets() - 1;
        setWords = 2 * geometry.ways();
        setShift = Integer.SIZE - Integer.numberOfLeadingZeros(setWords - 1);
        words = new long[geometry.sets() << setShift];
        Replacement replacement = geometry.replacement();
        movesOnHit = replacement == Replacement.LRU;
        ordered = movesOnHit || replacement == Replacement.FIFO;
        random = replacement == Replacement.RANDOM;
        trees = replacement == Replacement.PLRU ? new long[geometry.sets()] : null;
        randomState = seed;
    }

    /** Whether a hit in the first way is to be told to {@link #find}, as it changes something. */
    boolean notesEveryHit() {
        return trees != null;
    }

    /** What a tag of a domain has besides its page, until the next {@link #empty}. */
    long context(int domain) {
        return (long) epoch << EPOCH_SHIFT | (long) domain << PAGE_BITS;
    }

    private int base(long tag) {
        return ((int) tag & setMask) << setShift;
    }

    /** The translation of a tag, or {@link #MISS}. */
    long find(long tag) {
        int base = base(tag);
        for (int at = base; at < base + setWords; at += 2) {
            if (words[at] == tag) {
                return hit(base, at);
            }
        }
        return MISS;
    }

    private long hit(int base, int at) {
        long translation = words[at + 1];
        if (movesOnHit) {
            if (at != base) {
                putFirst(base, at, words[at], translation);
            }
        } else if (trees != null) {
            touch(base, at);
        }
        return translation;
    }

    /**
     * The same for a page that was prefetched: it is an entry as any other from now on, and this
     * its first use.
     */
    long findPrefetched(long tag) {
        int base = base(tag);
        for (int at = base; at < base + setWords; at += 2) {
            if (words[at] == (tag | PREFETCHED)) {
                words[at] = tag;
                return hit(base, at);
            }
        }
        return MISS;
    }

    /** Whether a tag is there, prefetched or not; changes no order. */
    boolean holds(long tag) {
        int base = base(tag);
        for (int at = base; at < base + setWords; at += 2) {
            if ((words[at] & ~PREFETCHED) == tag) {
                return true;
            }
        }
        return false;
    }

    /** Remembers a translation whose tag is not there; a full set loses an entry. */
    void insert(long tag, long translation) {
        int base = base(tag);
        if (ordered) {
            int last = base + setWords - 2;
            if (isLive(words[last])) {
                evictions++;
            }
            putFirst(base, last, tag, translation);
            return;
        }
        int at = freeSlot(base);
        if (at < 0) {
            at = victim(base);
            evictions++;
        }
        words[at] = tag;
        words[at + 1] = translation;
        if (trees != null) {
            touch(base, at);
        }
    }

    /** Puts an entry before all others of its set; {@code at} is the slot that it leaves free. */
    private void putFirst(int base, int at, long tag, long translation) {
        for (int to = at; to > base; to -= 2) {
            words[to] = words[to - 2];
            words[to + 1] = words[to - 1];
        }
        words[base] = tag;
        words[base + 1] = translation;
    }

    private int freeSlot(int base) {
        for (int at = base; at < base + setWords; at += 2) {
            if (!isLive(words[at])) {
                return at;
            }
        }
        return -1;
    }

    private boolean isLive(long tag) {
        return (int) (tag >>> EPOCH_SHIFT) == epoch || tag < 0 && isLive(tag & ~PREFETCHED);
    }

    private int victim(int base) {
        if (random) {
            // xorshift64: good enough to choose a way, and needs no object.
            randomState ^= randomState << 13;
            randomState ^= randomState >>> 7;
            randomState ^= randomState << 17;
            return base + 2 * (int) Long.remainderUnsigned(randomState, setWords / 2);
        }
        return treeVictim(base);
    }

    /** Has every node on the way to a slot point to the other side. */
    private void touch(int base, int at) {
        int set = base >>> setShift;
        long tree = trees[set];
        // The leaves are the nodes from "ways" on; a node's children are 2 n and 2 n + 1.
        for (int node = setWords + at - base >>> 1; node > 1; node >>>= 1) {
            long bit = 1L << (node >>> 1);
            tree = (node & 1) == 0 ? tree | bit : tree & ~bit;
        }
        if (tree != trees[set]) {
            trees[set] = tree;
        }
    }

    private int treeVictim(int base) {
        long tree = trees[base >>> setShift];
        int ways = setWords >>> 1;
        int node = 1;
        while (node < ways) {
            node = 2 * node + (int) (tree >>> node & 1);
        }
        return base + 2 * (node - ways);
    }

    /** Forgets one tag, prefetched or not. */
    void drop(long tag) {
        int base = base(tag);
        for (int at = base; at < base + setWords; at += 2) {
            if ((words[at] & ~PREFETCHED) == tag) {
                free(base, at);
                return;
            }
        }
    }

    /** Forgets the tags from {@code first} to before {@code end}, looking at every entry. */
    void dropRange(long first, long end) {
        for (int base = 0; base < words.length; base += 1 << setShift) {
            // From the last on, as freeing moves those behind.
            for (int at = base + setWords - 2; at >= base; at -= 2) {
                long tag = words[at] & ~PREFETCHED;
                if (tag >= first && tag < end) {
                    free(base, at);
                }
            }
        }
    }

    /** Empties a slot; where ways are in order, those behind it move up. */
    private void free(int base, int at) {
        int last = ordered ? base + setWords - 2 : at;
        for (int to = at; to < last; to += 2) {
            words[to] = words[to + 2];
            words[to + 1] = words[to + 3];
        }
        words[last] = 0;
    }

    /** Forgets everything; every {@link #context} is another now. */
    void empty() {
        if (epoch == LAST_EPOCH) {
            Arrays.fill(words, 0);
            epoch = 0;
        }
        epoch++;
    }

    /** Slots, for {@link #pageAt}. */
    int slots() {
        return words.length / 2;
    }

    /** The page of a context in a slot, or -1 if it holds none. */
    long pageAt(int slot, long context) {
        long tag = words[2 * slot] & ~PREFETCHED;
        return (tag & ~PAGE_MASK) == context ? tag & PAGE_MASK : -1;
    }

    /** The translation in a slot that holds a page. */
    long translationAt(int slot) {
        return words[2 * slot + 1];
    }

    /** Entries that gave way to others. */
    long evictions() {
        return evictions;
    }
}
