package dev.outboard.dma;

import java.util.Arrays;

/**
 * Mappings that are found again by the frames they map: how many buffers use each, which are idle,
 * and which to give up first.
 *
 * <p>A mapping is known by its first IOVA page and looked up by a key: first frame, pages and
 * rights. The look-up is a hash table of chains through arrays. Whatever was idle once is in a ring
 * through the records, with record 0 as its knot, for IOVA page 0 is never handed out; using it
 * leaves it there, with a mark, and the search for a victim passes over what is in use and gives
 * what was used again a second turn. So finding, using and resting touch the mapping's own record
 * alone. Every operation takes constant time, the search over many, chains being short. One thread,
 * but for {@link #oldestIdleNanos}; allocates nothing after construction.
 *
 * <pre>
 *   records, four words a page:
 *     KEY    first frame (38 bits) | pages (24 bits) | rights (2 bits); 0: no mapping begins here
 *     USES   buffers that use it, and the sum of their lengths; see Uses
 *     SINCE  when it became idle; 0: it is in use
 *     RING   used again (1 bit) | in the ring (1) | previous page (30) | next page (30)
 * </pre>
 */
final class MappingCache {
    /** No mapping: the page that is never handed out. */
    static final int NONE = 0;

    private static final int RECORD_SHIFT = 2;
    private static final int KEY = 0;
    private static final int USES = 1;
    private static final int SINCE = 2;
    private static final int RING = 3;

    private static final long USED_AGAIN = 1L << 63;
    private static final long IN_RING = 1L << 62;
    private static final int LINK_BITS = 30;
    private static final int LINK_MASK = (1 << LINK_BITS) - 1;

    private static final int PAGES_SHIFT = 2;
    private static final int FRAME_SHIFT = 26;
    private static final int PAGES_MASK = (1 << FRAME_SHIFT - PAGES_SHIFT) - 1;

    /** 2^64 divided by the golden ratio: spreads neighbours over the table. */
    private static final long SPREAD = 0x9e3779b97f4a7c15L;

    private final long[] records;

    /** The first page of each chain, by hash. */
    private final int[] chains;

    /** The next page of the same chain. */
    private final int[] chainNext;

    private final int hashShift;
    private int mappings;
    private long idlePages;

    /**
     * @param pages of IOVA, from page 0
     */
    MappingCache(int pages) {
        records = new long[pages << RECORD_SHIFT];
        chainNext = new int[pages];
        int buckets = Math.max(2, Integer.highestOneBit(pages));
        chains = new int[buckets];
        hashShift = Long.SIZE - Integer.numberOfTrailingZeros(buckets);
    }

    static long key(long frame, int pages, int access) {
        return frame << FRAME_SHIFT | (long) pages << PAGES_SHIFT | access;
    }

    /** The first frame of a key. */
    static long keyFrame(long key) {
        return key >>> FRAME_SHIFT;
    }

    /** The pages of a key. */
    static int keyPages(long key) {
        return (int) (key >>> PAGES_SHIFT) & PAGES_MASK;
    }

    /** The rights of a key. */
    static int keyAccess(long key) {
        return (int) key & (1 << PAGES_SHIFT) - 1;
    }

    private int bucket(long key) {
        return (int) (key * SPREAD >>> hashShift);
    }

    /** The mapping with that key, or {@link #NONE}. */
    int find(long key) {
        int page = chains[bucket(key)];
        while (page != NONE && records[page << RECORD_SHIFT] != key) {
            page = chainNext[page];
        }
        return page;
    }

    /** A new mapping, which nobody uses and which is not idle yet. */
    void insert(int page, long key) {
        int bucket = bucket(key);
        int record = page << RECORD_SHIFT;
        records[record + KEY] = key;
        records[record + USES] = 0;
        records[record + SINCE] = 0;
        chainNext[page] = chains[bucket];
        chains[bucket] = page;
        mappings++;
    }

    /** Forgets a mapping, idle or not. */
    void remove(int page) {
        int record = page << RECORD_SHIFT;
        if (records[record + SINCE] != 0) {
            records[record + SINCE] = 0;
            idlePages -= pages(page);
        }
        if ((records[record + RING] & IN_RING) != 0) {
            unlink(page);
        }
        unchain(page);
        records[record + KEY] = 0;
        records[record + USES] = 0;
        mappings--;
    }

    private void unchain(int page) {
        int bucket = bucket(records[page << RECORD_SHIFT]);
        if (chains[bucket] == page) {
            chains[bucket] = chainNext[page];
        } else {
            int before = chains[bucket];
            while (chainNext[before] != page) {
                before = chainNext[before];
            }
            chainNext[before] = chainNext[page];
        }
    }

    /**
     * Lets a mapping be found no more, whoever uses it: what it maps is not to be mapped again. Its
     * key loses its rights, and nobody looks for one without.
     */
    void hide(int page) {
        unchain(page);
        long key = key(frame(page), pages(page), 0);
        records[page << RECORD_SHIFT] = key;
        int bucket = bucket(key);
        chainNext[page] = chains[bucket];
        chains[bucket] = page;
    }

    boolean isHidden(int page) {
        return keyAccess(records[page << RECORD_SHIFT]) == 0;
    }

    /**
     * One more buffer uses it; it is not idle any more.
     *
     * @return since when it was idle, or 0 if it was not
     */
    long use(int page, int lengthBytes) {
        int record = page << RECORD_SHIFT;
        records[record + USES] = Uses.add(records[record + USES], lengthBytes);
        long since = records[record + SINCE];
        if (since != 0) {
            records[record + SINCE] = 0;
            idlePages -= pages(page);
        }
        return since;
    }

    /** Whether so many buffers use it that no more can be counted. */
    boolean isFull(int page, int lengthBytes) {
        return Uses.isFull(records[(page << RECORD_SHIFT) + USES], lengthBytes);
    }

    /** One buffer less; false, and nothing is changed, if none can be like that. */
    boolean unuse(long page, int pages, int lengthBytes) {
        if (page <= 0 || page >= chainNext.length) {
            return false;
        }
        int record = (int) page << RECORD_SHIFT;
        long left = Uses.remove(records[record + USES], lengthBytes);
        if (left == Uses.NONE || pages((int) page) != pages) {
            return false;
        }
        records[record + USES] = left;
        return true;
    }

    /** Undoes {@link #unuse}. */
    void reuse(int page, int lengthBytes) {
        int record = page << RECORD_SHIFT;
        records[record + USES] = Uses.add(records[record + USES], lengthBytes);
    }

    /** Idle since then, if nobody uses it and it was not idle yet. */
    void rest(int page, long sinceNanos) {
        int record = page << RECORD_SHIFT;
        if (records[record + USES] != 0 || records[record + SINCE] != 0) {
            return;
        }
        records[record + SINCE] = sinceNanos == 0 ? 1 : sinceNanos;
        idlePages += pages(page);
        long ring = records[record + RING];
        if ((ring & IN_RING) == 0) {
            append(page);
        } else if (ring >= 0) {
            records[record + RING] = ring | USED_AGAIN;
        }
    }

    private void append(int page) {
        int last = previous(NONE);
        records[(page << RECORD_SHIFT) + RING] = IN_RING | (long) last << LINK_BITS;
        setNext(last, page);
        setPrevious(NONE, page);
    }

    private void unlink(int page) {
        int previous = previous(page);
        int next = nextInRing(page);
        setNext(previous, next);
        setPrevious(next, previous);
        records[(page << RECORD_SHIFT) + RING] = 0;
    }

    private int previous(int page) {
        return (int) (records[(page << RECORD_SHIFT) + RING] >>> LINK_BITS) & LINK_MASK;
    }

    private void setNext(int page, int next) {
        int word = (page << RECORD_SHIFT) + RING;
        records[word] = records[word] & ~(long) LINK_MASK | next;
    }

    private void setPrevious(int page, int previous) {
        int word = (page << RECORD_SHIFT) + RING;
        long mask = (long) LINK_MASK << LINK_BITS;
        records[word] = records[word] & ~mask | (long) previous << LINK_BITS;
    }

    /**
     * An idle mapping that has not been used for long, or {@link #NONE} if none is idle. It stays
     * until {@link #remove}.
     */
    int victim() {
        int page = nextInRing(NONE);
        while (page != NONE) {
            int record = page << RECORD_SHIFT;
            boolean isIdle = records[record + SINCE] != 0;
            if (isIdle && records[record + RING] >= 0) {
                return page;
            }
            unlink(page);
            if (isIdle) {
                append(page);
            }
            page = nextInRing(NONE);
        }
        return NONE;
    }

    /**
     * The mapping after this one in the ring, idle or not, or {@link #NONE}; after NONE, the first.
     */
    int nextInRing(int page) {
        return (int) records[(page << RECORD_SHIFT) + RING] & LINK_MASK;
    }

    /**
     * Since when that mapping has been idle which has been for longest, or 0 if none is. From any
     * thread: then of a moment near now.
     */
    long oldestIdleNanos() {
        long oldest = 0;
        int page = nextInRing(NONE);
        for (int seen = 0; page != NONE && seen < chainNext.length; seen++) {
            long since = since(page);
            if (since != 0 && (oldest == 0 || since - oldest < 0)) {
                oldest = since;
            }
            page = nextInRing(page);
        }
        return oldest;
    }

    /** Since when a mapping has been idle; 0 if it is in use. */
    long since(int page) {
        return records[(page << RECORD_SHIFT) + SINCE];
    }

    /** The first frame of a mapping. */
    long frame(int page) {
        return keyFrame(records[page << RECORD_SHIFT]);
    }

    /** Pages of a mapping; 0 where none begins. */
    int pages(int page) {
        return keyPages(records[page << RECORD_SHIFT]);
    }

    /** Pages under idle mappings. */
    long idlePages() {
        return idlePages;
    }

    /** Mappings, idle and used. */
    int mappings() {
        return mappings;
    }

    /** The first page from {@code page} on in which a mapping begins, or {@link #NONE}. */
    int nextMapping(int page) {
        for (int at = page; at < chainNext.length; at++) {
            if (records[at << RECORD_SHIFT] != 0) {
                return at;
            }
        }
        return NONE;
    }

    /** Forgets everything. */
    void clear() {
        Arrays.fill(records, 0);
        Arrays.fill(chains, 0);
        mappings = 0;
        idlePages = 0;
    }
}
