package dev.outboard.iommu;

/**
 * The shape of an IOTLB: size, associativity, replacement (The Price of Safety, section 1.1.1).
 *
 * @param sets a power of two, 1 (fully associative) to 65,536
 * @param ways entries of a set, 1 (direct mapped) to 1,024; sets × ways is at most 65,536
 * @param replacement who gives way
 */
public record IotlbGeometry(int sets, int ways, Replacement replacement) {
    /** The most entries that a cache may have. */
    public static final int MAX_ENTRIES = 65_536;

    /** The most ways: a look-up compares them one after another. */
    public static final int MAX_WAYS = 1_024;

    /** 64 sets of 4, least recently used: 1 MiB of reach. */
    public static final IotlbGeometry DEFAULT = new IotlbGeometry(64, 4, Replacement.LRU);

    /** Checks the bounds. */
    public IotlbGeometry {
        if (sets < 1 || Integer.bitCount(sets) != 1 || sets > MAX_ENTRIES) {
            throw new IllegalArgumentException(
                    "sets=" + sets + " is not a power of two from 1 to " + MAX_ENTRIES);
        }
        if (ways < 1 || ways > MAX_WAYS) {
            throw new IllegalArgumentException("ways=" + ways + " is not 1 to " + MAX_WAYS);
        }
        if ((long) sets * ways > MAX_ENTRIES) {
            throw new IllegalArgumentException(
                    "sets=%d times ways=%d is more than %d".formatted(sets, ways, MAX_ENTRIES));
        }
        if (replacement == null) {
            throw new IllegalArgumentException("replacement is missing: take LRU, FIFO or RANDOM");
        }
    }

    /** All entries. */
    public int entries() {
        return sets * ways;
    }
}
