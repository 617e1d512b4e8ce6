package dev.outboard.iommu;

import java.util.Locale;

/**
 * The shape of the translation caches of a device: size, associativity, replacement (The Price of
 * Safety, section 1.1.1), and what stands beside and before them.
 *
 * @param sets a power of two, 1 (fully associative) to 65,536
 * @param ways entries of a set, 1 (direct mapped) to 1,024; sets × ways is at most 65,536
 * @param replacement who gives way; {@link Replacement#PLRU} needs a power of two of ways, at most
 *     64
 * @param superpages entries for pages larger than the format's smallest, 0 to 64, fully
 *     associative, least recently used; with 0 they are cached a small page at a time
 * @param ats entries of a cache in the device itself, before the IOTLB (PCIe's address translation
 *     service): 0 for none, else a power of two to 4,096, in sets of at most 4
 * @param prefetch pages that are looked up ahead when one page after another misses, 0 to 32
 */
public record IotlbGeometry(
        int sets, int ways, Replacement replacement, int superpages, int ats, int prefetch) {
    /** The most entries that a cache may have. */
    public static final int MAX_ENTRIES = 65_536;

    /** The most ways: a look-up compares them one after another. */
    public static final int MAX_WAYS = 1_024;

    /** The most ways that one word of tree bits can order. */
    public static final int MAX_TREE_WAYS = 64;

    /** The most entries for superpages. */
    public static final int MAX_SUPERPAGES = 64;

    /** The most entries of the device's own cache. */
    public static final int MAX_ATS = 4_096;

    /** The most pages that one miss looks up ahead. */
    public static final int MAX_PREFETCH = 32;

    /** Entries for superpages where nothing else is said. */
    public static final int DEFAULT_SUPERPAGES = 8;

    private static final int ATS_WAYS = 4;
    private static final int WAYS_SHIFT = 8;
    private static final int REPLACEMENT_SHIFT = 20;
    private static final int SUPERPAGES_SHIFT = 24;
    private static final int ATS_SHIFT = 32;
    private static final int PREFETCH_SHIFT = 48;

    /** 64 sets of 4, least recently used: 1 MiB of reach. */
    public static final IotlbGeometry DEFAULT = new IotlbGeometry(64, 4, Replacement.LRU);

    /** Checks the bounds. */
    public IotlbGeometry {
        if (replacement == null) {
            throw new IllegalArgumentException(
                    "replacement is missing: take LRU, PLRU, FIFO or RANDOM");
        }
        requirePowerOfTwo("sets", sets, MAX_ENTRIES);
        requireWithin("ways", ways, 1, MAX_WAYS);
        if ((long) sets * ways > MAX_ENTRIES) {
            throw new IllegalArgumentException(
                    "sets=%d times ways=%d is more than %d".formatted(sets, ways, MAX_ENTRIES));
        }
        if (replacement == Replacement.PLRU) {
            requirePowerOfTwo("ways of a tree", ways, MAX_TREE_WAYS);
        }
        requireWithin("superpages", superpages, 0, MAX_SUPERPAGES);
        if (ats != 0) {
            requirePowerOfTwo("ats", ats, MAX_ATS);
        }
        requireWithin("prefetch", prefetch, 0, MAX_PREFETCH);
        if (prefetch >= sets * ways && prefetch > 0) {
            throw new IllegalArgumentException(
                    "prefetch=%d of an IOTLB of %d entries would replace all of it"
                            .formatted(prefetch, sets * ways));
        }
    }

    /** With the usual entries for superpages, no cache in the device, and no prefetch. */
    public IotlbGeometry(int sets, int ways, Replacement replacement) {
        this(sets, ways, replacement, DEFAULT_SUPERPAGES, 0, 0);
    }

    private static void requirePowerOfTwo(String name, int value, int most) {
        if (value < 1 || Integer.bitCount(value) != 1 || value > most) {
            throw new IllegalArgumentException(
                    "%s=%d is not a power of two from 1 to %d".formatted(name, value, most));
        }
    }

    private static void requireWithin(String name, int value, int least, int most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException(
                    "%s=%d is not %d to %d".formatted(name, value, least, most));
        }
    }

    /**
     * All of it in a number, to be sent to another process.
     *
     * <pre>
     *  63       56 55      48 47       32 31         24 23        20 19      8 7         0
     * │     0     │ prefetch │    ats    │ superpages  │ replacement│   ways  │ log2 sets │
     * </pre>
     */
    public long code() {
        return Integer.numberOfTrailingZeros(sets)
                | (long) ways << WAYS_SHIFT
                | (long) replacement.ordinal() << REPLACEMENT_SHIFT
                | (long) superpages << SUPERPAGES_SHIFT
                | (long) ats << ATS_SHIFT
                | (long) prefetch << PREFETCH_SHIFT;
    }

    /**
     * The shape that another process names by number.
     *
     * @throws IllegalArgumentException if it names none
     */
    public static IotlbGeometry ofCode(long code) {
        int setBits = field(code, 0, WAYS_SHIFT);
        int replacement = field(code, REPLACEMENT_SHIFT, SUPERPAGES_SHIFT);
        Replacement[] all = Replacement.values();
        if (setBits > Integer.numberOfTrailingZeros(MAX_ENTRIES)
                || replacement >= all.length
                || code >>> PREFETCH_SHIFT > MAX_PREFETCH) {
            throw new IllegalArgumentException("code=0x%x is no IOTLB".formatted(code));
        }
        return new IotlbGeometry(
                1 << setBits,
                field(code, WAYS_SHIFT, REPLACEMENT_SHIFT),
                all[replacement],
                field(code, SUPERPAGES_SHIFT, ATS_SHIFT),
                field(code, ATS_SHIFT, PREFETCH_SHIFT),
                (int) (code >>> PREFETCH_SHIFT));
    }

    private static int field(long code, int from, int to) {
        return (int) (code >>> from & (1L << to - from) - 1);
    }

    /** As users write it: {@code 64x4:plru,ats=16,prefetch=3}; what is as usual is left out. */
    @Override
    public String toString() {
        return "%dx%d:%s%s%s%s"
                .formatted(
                        sets,
                        ways,
                        replacement.name().toLowerCase(Locale.ROOT),
                        superpages == DEFAULT_SUPERPAGES ? "" : ",superpages=" + superpages,
                        ats == 0 ? "" : ",ats=" + ats,
                        prefetch == 0 ? "" : ",prefetch=" + prefetch);
    }

    /** The same with other entries for superpages. */
    public IotlbGeometry withSuperpages(int entries) {
        return new IotlbGeometry(sets, ways, replacement, entries, ats, prefetch);
    }

    /** The same with another cache in the device. */
    public IotlbGeometry withAts(int entries) {
        return new IotlbGeometry(sets, ways, replacement, superpages, entries, prefetch);
    }

    /** The same with another prefetch. */
    public IotlbGeometry withPrefetch(int pages) {
        return new IotlbGeometry(sets, ways, replacement, superpages, ats, pages);
    }

    /** All entries for pages of the smallest size. */
    public int entries() {
        return sets * ways;
    }

    /** The shape of the device's own cache; only if there is one. */
    IotlbGeometry atsGeometry() {
        int atsWays = Math.min(ATS_WAYS, ats);
        return new IotlbGeometry(ats / atsWays, atsWays, Replacement.LRU, 0, 0, 0);
    }
}
